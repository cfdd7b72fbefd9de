/*
 * What the library has to say: one line per event, to a callback.
 */
#ifndef SAFER_RING_LOG_H
#define SAFER_RING_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

/* How much a line matters. */
enum sr_log_level {
    SR_LOG_ERROR,   /* something was lost or refused that the caller can't see from a status */
    SR_LOG_WARNING, /* the library goes on with less than was asked for */
    SR_LOG_INFO,    /* choices made: backend, features */
};

/* One event; `text` has no line end and is valid during the call. Must not call into the library. */
typedef void sr_log_fn(enum sr_log_level level, const char *text, void *user);

/*
 * Sets where lines go; NULL: nowhere, which is the default.
 * Callable: from any thread while no other call into the library is running. The function is called in the thread
 * where the event happens.
 */
void sr_set_log(sr_log_fn *log, void *user);

#ifdef __cplusplus
}
#endif

#endif
