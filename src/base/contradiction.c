/*
 * The end of a run that contradicted itself: one line on standard error, then abort(3).
 */
#include "base/contradiction.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void sri_contradiction(const char *file, int line, const char *what)
{
    char text[512];
    int length =
        snprintf(text, sizeof text, "safer_ring: internal contradiction at %s:%d: %s does not hold\n", file,
                 line, what);
    if (length > (int)sizeof text - 1)
        length = (int)sizeof text - 1;
    if (length > 0) {
        ssize_t ignored = write(STDERR_FILENO, text, (size_t)length);
        (void)ignored;
    }
    abort();
}
