/*
 * The marks of AddressSanitizer and valgrind on bytes that the program may not touch: whoever does is reported at its own
 * line. Works in a library that was built without either; where neither watches, nothing happens.
 *
 * Whole granules of 8 bytes, rounded outwards: buffers begin at one and are padded to the next.
 */
#ifndef SRI_BASE_MARKS_H
#define SRI_BASE_MARKS_H

#include <stdbool.h>
#include <stddef.h>

/* Is there a tool that heeds marks? `copies`: somebody in this process will work on marked bytes through the library's door. */
bool sri_marks_heeded(bool copies);

/* From now on nobody may touch these bytes. */
void sri_marks_close(void *bytes, size_t length);

/* They may again. The first `defined` bytes have values, the rest is unspecified. */
void sri_marks_open(void *bytes, size_t length, size_t defined);

/* About to be given to an allocator: marks that are still there (a forked child has its parent's) are none of its business. */
void sri_marks_forget(void *bytes, size_t length);

#endif
