/*
 * What the library has to say: one event at a time, to a callback; as a line of text, as JSON, or as it is.
 */
#ifndef SAFER_RING_LOG_H
#define SAFER_RING_LOG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How much an event matters. */
enum sr_log_level {
    SR_LOG_ERROR,   /* something was lost or refused that the caller can't see from a status */
    SR_LOG_WARNING, /* the library goes on with less than was asked for */
    SR_LOG_INFO,    /* choices made: backend, features */
    SR_LOG_DEBUG, /* each operation's start and end, of rings that were told so (sr_config.log_operations) */
};

/* One event; `text` has no line end and is valid during the call. Must not call into the library. */
typedef void sr_log_fn(enum sr_log_level level, const char *text, void *user);

/*
 * Sets where lines go; NULL: nowhere, which is the default.
 * Callable: from any thread while no other call into the library is running. The function is called in the thread
 * where the event happens.
 */
void sr_set_log(sr_log_fn *log, void *user);

/* The same in parts. */
struct sr_log_event {
    enum sr_log_level level;
    const char *name; /* "message", "operation_started", "operation_ended"; static storage */
    const char *text; /* of a message; NULL: of an operation */
    uint64_t time_ns; /* by the ring's clock; 0 for a message */
    uint64_t operation;
    const char *kind; /* "READ", … */
    int32_t fd;       /* -1: none */
    uint64_t bytes;   /* of its buffer */
    int64_t result;   /* once it has ended */
};

/* Valid during the call. Must not call into the library, but for the two functions below. */
typedef void sr_log_event_fn(const struct sr_log_event *event, void *user);

/* Sets where events go, beside sr_set_log(); NULL: nowhere, the default. Callable: as sr_set_log(). */
void sr_set_log_events(sr_log_event_fn *log, void *user);

/*
 * An event as one line, without its end: of text, or a JSON object whose strings are escaped. Writes at most `size` bytes, the
 * 0 at the end included, and returns the length of the whole line; a result of `size` or more was cut.
 * Callable: anywhere. Allocates nothing.
 */
size_t sr_log_text(const struct sr_log_event *event, char *out, size_t size);
size_t sr_log_json(const struct sr_log_event *event, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
