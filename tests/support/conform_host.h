/*
 * What the makers of this machine's objects share: names in the case's own folder, which go with it.
 */
#ifndef TESTS_SUPPORT_CONFORM_HOST_H
#define TESTS_SUPPORT_CONFORM_HOST_H

#include <stddef.h>

/* A path where nothing is yet; what will be there is removed at the end. */
void conform_host_new_path(void *self, char *path, size_t size);

#endif
