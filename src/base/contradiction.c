/*
 * The end of a run that contradicted itself: one line on standard error, then abort(3).
 */
#include "base/contradiction.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

void sri_contradiction(const char *file, int line, const char *what)
{
    char text[512];
    size_t length =
        sri_format(text, sizeof text, "safer_ring: internal contradiction at %s:%d: %s does not hold\n", file,
                   line, what);
    sri_write_text(STDERR_FILENO, text, length);
    abort();
}
