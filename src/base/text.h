/*
 * Text into fixed memory, cut where it does not fit and always ended with 0.
 */
#ifndef SRI_BASE_TEXT_H
#define SRI_BASE_TEXT_H

#include <stddef.h>

/* Returns the number of bytes written, the end not counted. size 0 writes nothing. */
size_t sri_format(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The whole text to a descriptor, as far as it can be written; for last words. */
void sri_write_text(int fd, const char *text, size_t length);

#endif
