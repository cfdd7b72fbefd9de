/*
 * Files that are written whole or not at all. What is no regular file (a device, a pipe) is written into as it is.
 */
#ifndef SRI_FATE_WHOLE_FILE_H
#define SRI_FATE_WHOLE_FILE_H

#include <stddef.h>

/*
 * A temporary file in the same folder, synced, then renamed: whoever looks at `path` sees what was there before or all of
 * the new bytes. -errno of what failed, with `doing` ("making a file", "writing", "naming"); nothing half-written is left
 * then. Blocks on I/O.
 */
int sri_whole_file_write(const char *path, const void *bytes, size_t size, const char **doing);

/* Adds to the end of a file, which is made where there is none; a failure leaves it as long as it was. -errno. */
int sri_whole_file_append(const char *path, const void *bytes, size_t size);

#endif
