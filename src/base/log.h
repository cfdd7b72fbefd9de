/*
 * The library's log, for rooms that must not see the ring: src/ring/log.c defines it, log.h of the library says who hears it.
 */
#ifndef SRI_BASE_LOG_H
#define SRI_BASE_LOG_H

/* One line. `level` is one of enum sr_log_level. */
void sri_log(int level, const char *format, ...) __attribute__((cold, format(printf, 2, 3)));

#endif
