/*
 * Owned buffers: memory that changes hands.
 *
 * A buffer has exactly one owner at any time: the program, an access guard, the kernel for one operation, a completion
 * that was not yet taken, or the place it came from. Giving it away sets the caller's handle to NULL; what is not the
 * program's cannot be touched, released or given away again (rules BUF, docs/rules.md).
 *
 * Threads: a buffer may be handed between threads as any other object can, by the program's own synchronisation; making
 * and releasing one is safe from every thread.
 *
 * Where a function does not say otherwise:
 * Callable: by whoever has the buffer or guard, from any thread; never blocks.
 */
#ifndef SAFER_RING_BUFFER_H
#define SAFER_RING_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "safer_ring/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A buffer's header. Headers are never given back to the system, so a stale pointer to one can be asked, and answers. */
struct SR_CAPABILITY("buffer") sr_buffer;

/*
 * Access to the bytes of one buffer, which belongs to the guard meanwhile. The members are the library's; read them by
 * sr_guard_bytes() and sr_guard_size().
 */
struct SR_CAPABILITY("guard") sr_guard {
    struct sr_buffer *buffer; /* NULL: ended */
    uint8_t *bytes;           /* the first of them */
    size_t size;              /* how many */
};

/*
 * Makes a buffer of `size` bytes, all zero.
 *
 * Ownership: *out is the caller's; give it to an operation, or end it with sr_buffer_release().
 * Units: bytes.
 * Errors: -EINVAL: out is NULL, or size is 0. -ENOMEM. *out is then not written.
 * Callable: from any thread, also from a callback; does not block.
 * Source: BUF-1.
 */
SR_MUST_USE int sr_buffer_new(struct sr_buffer **out, size_t size) SR_GIVES_IF_OK(*out);

/*
 * Makes a buffer that holds a copy of `size` bytes at `data`.
 *
 * Errors: as sr_buffer_new(); -EINVAL also when data is NULL.
 */
SR_MUST_USE int sr_buffer_copy_of(struct sr_buffer **out, const void *data, size_t size) SR_GIVES_IF_OK(*out);

/*
 * The number of bytes a buffer holds; of a vector, the sum of its parts. 0 for NULL.
 * Callable: from any thread, whoever owns the buffer.
 */
size_t sr_buffer_size(const struct sr_buffer *buffer);

/*
 * Is the buffer the program's, so that it can be touched, released or given to an operation? false for NULL.
 * Callable: from the thread that uses the buffer, or by a copied pointer while it is in flight. Source: BUF-4.
 */
bool sr_buffer_is_user_owned(const struct sr_buffer *buffer);

/*
 * Opens a buffer's bytes for reading and writing.
 *
 * Ownership: the buffer moves into the guard: *buffer becomes NULL, until sr_guard_end().
 * Errors: -EINVAL: an argument or *buffer is NULL, or it is a vector (split it first). SR_EBUFFER_IN_FLIGHT: it is not
 * the program's, or a guard is out already. Nothing has moved then.
 * Callable: from the thread that owns the buffer; does not block.
 * Source: BUF-1, BUF-4, BUF-6.
 */
SR_MUST_USE int sr_buffer_try_access(struct sr_buffer **buffer, struct sr_guard *guard)
    SR_TAKES_IF_OK(*buffer) SR_GIVES_IF_OK(*guard);

/* The bytes a guard opens; valid until the guard ends. */
static inline uint8_t *sr_guard_bytes(const struct sr_guard *guard)
{
    return guard->bytes;
}

/* How many they are. */
static inline size_t sr_guard_size(const struct sr_guard *guard)
{
    return guard->size;
}

/*
 * Ends a guard and gives its buffer back.
 *
 * Ownership: *buffer is the caller's again; the guard is empty. An empty guard gives NULL.
 * Callable: from the thread that owns the buffer; does not block.
 * Source: BUF-6.
 */
void sr_guard_end(struct sr_guard *guard, struct sr_buffer **buffer) SR_TAKES(*guard) SR_GIVES(*buffer);

/*
 * Takes back a buffer whose guard was lost to a longjmp(3) out of its frame. `buffer` is a copied pointer.
 *
 * Errors: -EINVAL: NULL. SR_EINVALID_STATE: no guard is out. Source: BUF-6, RING-3.
 */
SR_MUST_USE int sr_guard_abandon(struct sr_buffer *buffer);

/*
 * for-like scope with the bytes of *handle open: `SR_BUFFER_SCOPE(guard, &buffer) { memset(sr_guard_bytes(&guard), …) }`.
 * The guard ends however the scope is left (break, return, goto; not longjmp), and *handle holds the buffer again. When
 * the buffer is not the program's, the body does not run. Checked at run time only: the analysis does not follow cleanup
 * attributes. gcc and clang.
 */
#define SR_BUFFER_SCOPE(guard, handle)                                                       \
    for (struct sr_scope_ sr_scope_of_##guard                                                \
         __attribute__((cleanup(sr_scope_end_))) = sr_scope_begin_((handle)),                \
         *sr_once_##guard = &sr_scope_of_##guard;                                            \
         sr_once_##guard != NULL && sr_scope_of_##guard.open; sr_once_##guard = NULL)        \
        for (struct sr_guard guard = sr_scope_of_##guard.access, *sr_twice_##guard = &guard; \
             sr_twice_##guard != NULL; sr_twice_##guard = NULL)

/* What SR_BUFFER_SCOPE is made of. */
struct sr_scope_ {
    struct sr_guard access;
    struct sr_buffer **handle;
    bool open;
};
struct sr_scope_ sr_scope_begin_(struct sr_buffer **handle);
void sr_scope_end_(struct sr_scope_ *scope);

/*
 * Sends a buffer where it came from: the allocator, a pool, a registry slot.
 *
 * Ownership: *buffer becomes NULL.
 * Errors: -EINVAL: NULL. SR_EBUFFER_IN_FLIGHT: it is not the program's (a copied pointer). Nothing has moved then.
 * Callable: from any thread; does not block.
 * Source: BUF-4, BUF-9.
 */
SR_MUST_USE int sr_buffer_release(struct sr_buffer **buffer) SR_TAKES_IF_OK(*buffer);

/* The most parts a vector can have (IOV_MAX). */
#define SR_VECTOR_MAX 1024u

/*
 * Joins buffers into one vector, for vectored reads and writes: an operation moves one object that holds its buffers and
 * their iovec.
 *
 * Ownership: every parts[i] becomes NULL, and the vector owns them.
 * Errors: -EINVAL: a pointer is NULL, count is 0 or above SR_VECTOR_MAX, a part is a vector itself. SR_EBUFFER_IN_FLIGHT:
 * a part is not the program's, or stands twice. -ENOMEM. Nothing has moved then.
 * Callable: from the thread that owns the parts; does not block. Arrays of handles are not followed by the analysis.
 * Source: ARG-3.
 */
SR_MUST_USE int sr_buffer_join(struct sr_buffer **vector, struct sr_buffer *parts[], size_t count)
    SR_GIVES_IF_OK(*vector);

/*
 * Takes a vector apart: parts[0 … count-1] are the buffers in the order they were joined.
 *
 * Ownership: *vector becomes NULL and is gone; the parts are the caller's.
 * Errors: -EINVAL: a pointer is NULL, it is not a vector, or count is not its number of parts. SR_EBUFFER_IN_FLIGHT: it
 * is not the program's. Nothing has moved then.
 */
SR_MUST_USE int sr_buffer_split(struct sr_buffer **vector, struct sr_buffer *parts[], size_t count)
    SR_TAKES_IF_OK(*vector);

#ifdef __cplusplus
}
#endif

#endif
