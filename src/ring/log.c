/*
 * One line per event, to whoever asked for it; to nobody by default. Never writes to a stream of its own.
 */
#include "safer_ring/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "ring/ring_private.h"

static sr_log_fn *log_function;
static void *log_user;

void sr_set_log(sr_log_fn *log, void *user)
{
    log_function = log;
    log_user = user;
}

void sri_log(int level, const char *format, ...)
{
    if (log_function == NULL)
        return;
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= 0)
        log_function((enum sr_log_level)level, text, log_user);
}
