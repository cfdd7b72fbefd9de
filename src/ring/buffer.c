/*
 * Owned buffers: their headers, which are never given back to the system while the library is loaded, and what changes
 * their owner on the program's side. Never touches the bytes of a buffer that is not the program's.
 */
#include "ring/buffer.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/marks.h"
#include "base/twin.h"

/* Headers come from slabs that are kept for ever, so that a copied pointer reads a live header and gets an answer (BUF-4). */
#define HEADERS_PER_SLAB 256

/* Bytes are padded to whole granules of AddressSanitizer's shadow, so that a tail can be poisoned exactly. */
#define GRANULE ((size_t)8)

struct slab {
    struct slab *next;
    struct sr_buffer headers[HEADERS_PER_SLAB];
};

static pthread_mutex_t headers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sr_buffer *free_headers;
static struct slab *slabs; /* keeps every slab reachable */

static bool add_slab(void)
{
    struct slab *slab = sri_alloc_aligned(sizeof *slab, _Alignof(struct slab));
    if (slab == NULL)
        return false;
    memset(slab, 0, sizeof *slab);
    slab->next = slabs;
    slabs = slab;
    for (size_t i = 0; i < HEADERS_PER_SLAB; i++) {
        slab->headers[i].free_next = free_headers;
        free_headers = &slab->headers[i];
    }
    return true;
}

struct sr_buffer *sri_header_take(void)
{
    struct sr_buffer *buffer = NULL;
    pthread_mutex_lock(&headers_lock);
    if (free_headers != NULL || add_slab()) {
        buffer = free_headers;
        free_headers = buffer->free_next;
    }
    pthread_mutex_unlock(&headers_lock);
    return buffer;
}

void sri_header_return(struct sr_buffer *buffer)
{
    buffer->bytes = buffer->memory = NULL;
    buffer->size = 0;
    buffer->vector = NULL;
    buffer->registration = NULL;
    pthread_mutex_lock(&headers_lock);
    buffer->free_next = free_headers;
    free_headers = buffer;
    pthread_mutex_unlock(&headers_lock);
}

static void home_to_allocator(const struct sri_origin *origin, struct sr_buffer *buffer)
{
    (void)origin;
    sri_marks_forget(buffer->memory, buffer->size);
    sri_free(buffer->memory);
    sri_header_return(buffer);
}

static const struct sri_origin allocator_origin = {home_to_allocator};

static void home_of_twin(const struct sri_origin *origin, struct sr_buffer *buffer)
{
    (void)origin;
    sri_twin_free(buffer->memory);
    sri_header_return(buffer);
}

/* Of buffers on pages of their own, which rings with guard pages ask for. */
static const struct sri_origin twin_origin = {home_of_twin};

static void home_of_vector(const struct sri_origin *origin, struct sr_buffer *buffer)
{
    (void)origin;
    struct sri_vector *vector = buffer->vector;
    for (uint32_t i = 0; i < vector->count; i++) {
        sri_buffer_move(vector->parts[i], SRI_OWNER_SPLIT);
        sri_buffer_move(vector->parts[i], SRI_OWNER_RELEASE);
        sri_buffer_home(vector->parts[i]);
    }
    sri_free(vector);
    sri_header_return(buffer);
}

static const struct sri_origin vector_origin = {home_of_vector};

void sri_buffer_home(struct sr_buffer *buffer)
{
    if (buffer->pinned) {
        sri_buffer_move(buffer, SRI_OWNER_MAKE);
        return;
    }
    buffer->origin->home(buffer->origin, buffer);
}

static int make(struct sr_buffer **out, const void *data, size_t size)
{
    size_t padded;
    if (out == NULL || size == 0)
        return -EINVAL;
    if (!sri_add_size(size, GRANULE - 1, &padded))
        return -ENOMEM;
    padded &= ~(GRANULE - 1);
    bool twin = sri_twins_wanted();
    uint8_t *bytes = twin ? sri_twin_new(padded) : sri_alloc_aligned(padded, sri_bytes_alignment(size));
    if (bytes == NULL)
        return -ENOMEM;
    struct sr_buffer *buffer = sri_header_take();
    if (buffer == NULL) {
        if (twin)
            sri_twin_free(bytes);
        else
            sri_free(bytes);
        return -ENOMEM;
    }
    if (data != NULL)
        memcpy(bytes, data, size);
    memset(bytes + (data != NULL ? size : 0), 0, padded - (data != NULL ? size : 0));
    buffer->bytes = buffer->memory = bytes;
    buffer->size = size;
    buffer->origin = twin ? &twin_origin : &allocator_origin;
    sri_buffer_move(buffer, SRI_OWNER_MAKE);
    *out = buffer;
    return 0;
}

SR_UNCHECKED int sr_buffer_new(struct sr_buffer **out, size_t size)
{
    return make(out, NULL, size);
}

SR_UNCHECKED int sr_buffer_copy_of(struct sr_buffer **out, const void *data, size_t size)
{
    return data == NULL ? -EINVAL : make(out, data, size);
}

size_t sr_buffer_size(const struct sr_buffer *buffer)
{
    return buffer != NULL ? buffer->size : 0;
}

bool sr_buffer_is_user_owned(const struct sr_buffer *buffer)
{
    return buffer != NULL && buffer->owner == SRI_OWNER_USER;
}

SR_UNCHECKED int sr_buffer_try_access(struct sr_buffer **buffer, struct sr_guard *guard)
{
    if (buffer == NULL || *buffer == NULL || guard == NULL || (*buffer)->vector != NULL)
        return -EINVAL;
    int refused = sri_ownership_move(&(*buffer)->owner, SRI_OWNER_OPEN);
    if (refused != 0)
        return refused;
    guard->buffer = *buffer;
    guard->bytes = (*buffer)->memory;
    guard->size = (*buffer)->size;
    *buffer = NULL;
    return 0;
}

SR_UNCHECKED void sr_guard_end(struct sr_guard *guard, struct sr_buffer **buffer)
{
    struct sr_buffer *back = guard->buffer;
    guard->buffer = NULL;
    guard->bytes = NULL;
    guard->size = 0;
    /* A second end, by a copied guard, finds no guard out and gives nothing. */
    if (back != NULL && sri_ownership_move(&back->owner, SRI_OWNER_CLOSE) != 0)
        back = NULL;
    *buffer = back;
}

int sr_guard_abandon(struct sr_buffer *buffer)
{
    if (buffer == NULL)
        return -EINVAL;
    return sri_ownership_move(&buffer->owner, SRI_OWNER_CLOSE);
}

SR_UNCHECKED struct sr_scope_ sr_scope_begin_(struct sr_buffer **handle)
{
    struct sr_scope_ scope = {.handle = handle};
    scope.open = sr_buffer_try_access(handle, &scope.access) == 0;
    return scope;
}

SR_UNCHECKED void sr_scope_end_(struct sr_scope_ *scope)
{
    if (scope->open)
        sr_guard_end(&scope->access, scope->handle);
}

SR_UNCHECKED int sr_buffer_release(struct sr_buffer **buffer)
{
    if (buffer == NULL || *buffer == NULL)
        return -EINVAL;
    int refused = sri_ownership_move(&(*buffer)->owner, SRI_OWNER_RELEASE);
    if (refused != 0)
        return refused;
    sri_buffer_home(*buffer);
    *buffer = NULL;
    return 0;
}

/* ARG-3. Moves the parts one by one; a refusal (not the program's, or standing twice) gives back those already moved. */
static int join_parts(struct sr_buffer *parts[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int refused = parts[i] == NULL || parts[i]->vector != NULL
                          ? -EINVAL
                          : sri_ownership_move(&parts[i]->owner, SRI_OWNER_JOIN);
        if (refused == 0)
            continue;
        while (i-- > 0)
            sri_buffer_move(parts[i], SRI_OWNER_SPLIT);
        return refused;
    }
    return 0;
}

static struct sri_vector *vector_of(struct sr_buffer *const parts[], size_t count, size_t *size)
{
    struct sri_vector *vector =
        sri_alloc(sizeof *vector + count * (sizeof vector->segments[0] + sizeof vector->parts[0]));
    if (vector == NULL)
        return NULL;
    vector->count = (uint32_t)count;
    vector->parts = (struct sr_buffer **)(void *)&vector->segments[count];
    *size = 0;
    for (size_t i = 0; i < count; i++) {
        vector->parts[i] = parts[i];
        vector->segments[i] = (struct iovec){parts[i]->memory, parts[i]->size};
        *size += parts[i]->size;
    }
    return vector;
}

SR_UNCHECKED int sr_buffer_join(struct sr_buffer **out, struct sr_buffer *parts[], size_t count)
{
    if (out == NULL || parts == NULL || count == 0 || count > SR_VECTOR_MAX)
        return -EINVAL;
    int refused = join_parts(parts, count);
    if (refused != 0)
        return refused;
    size_t size;
    struct sri_vector *vector = vector_of(parts, count, &size);
    struct sr_buffer *buffer = vector != NULL ? sri_header_take() : NULL;
    if (buffer == NULL) {
        sri_free(vector);
        for (size_t i = 0; i < count; i++)
            sri_buffer_move(parts[i], SRI_OWNER_SPLIT);
        return -ENOMEM;
    }
    buffer->size = size;
    buffer->origin = &vector_origin;
    buffer->vector = vector;
    sri_buffer_move(buffer, SRI_OWNER_MAKE);
    for (size_t i = 0; i < count; i++)
        parts[i] = NULL;
    *out = buffer;
    return 0;
}

SR_UNCHECKED int sr_buffer_split(struct sr_buffer **vector, struct sr_buffer *parts[], size_t count)
{
    if (vector == NULL || *vector == NULL || parts == NULL || (*vector)->vector == NULL ||
        (*vector)->vector->count != count)
        return -EINVAL;
    struct sr_buffer *buffer = *vector;
    int refused = sri_ownership_move(&buffer->owner, SRI_OWNER_RELEASE);
    if (refused != 0)
        return refused;
    for (size_t i = 0; i < count; i++) {
        parts[i] = buffer->vector->parts[i];
        sri_buffer_move(parts[i], SRI_OWNER_SPLIT);
    }
    sri_free(buffer->vector);
    sri_header_return(buffer);
    *vector = NULL;
    return 0;
}
