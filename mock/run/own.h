/*
 * Which code is the watcher's own: what that calls is not the program's doing. In a build with shared libraries it is spread over
 * several.
 */
#ifndef SRI_RUN_OWN_H
#define SRI_RUN_OWN_H

#include <link.h>
#include <stdbool.h>

bool sri_own_code(const void *address);

/* Is this one of the libraries that hold it? */
bool sri_own_object(const struct dl_phdr_info *object);

/* Does one of the object's parts hold this address? */
bool sri_object_holds(const struct dl_phdr_info *object, uintptr_t address);

#endif
