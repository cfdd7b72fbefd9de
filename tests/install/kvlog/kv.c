#include "kv.h"

#include <fcntl.h>
#include <string.h>

/* 64 bytes, so that a record never crosses a sector: it is on the disk whole, or not at all. */
struct record {
    uint64_t sum;
    uint32_t number;
    char key[KV_KEY_MOST + 1];
    char value[KV_VALUE_MOST + 1];
};

static uint64_t sum_of(const struct record *record)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325) ^ record->number;
    for (size_t i = 0; i < sizeof record->key; i++)
        sum = (sum ^ (uint8_t)record->key[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < sizeof record->value; i++)
        sum = (sum ^ (uint8_t)record->value[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static int is_passing(int code)
{
    return code == -EINTR || code == -EAGAIN || code == -EBUSY;
}

/* Waits for an operation, however often the kernel is not to be asked. */
static int wait_for(struct sr_ring *ring, struct sr_op *op, struct sr_completion *done)
{
    int code;
    do
        code = sr_op_await(ring, op, done);
    while (is_passing(code));
    return code;
}

/* An operation without a buffer: the kernel's result, or why there is none. */
SR_UNCHECKED static int32_t run(struct sr_ring *ring, struct sr_op_spec spec)
{
    int32_t result;
    do {
        struct sr_op op;
        struct sr_completion done;
        result = sr_op_start_plain(ring, &spec, &op);
        if (result != 0)
            continue;
        result = wait_for(ring, &op, &done);
        if (result == 0)
            result = sr_take_plain(&done);
        else
            sr_op_drop(ring, &op);
    } while (is_passing(result));
    return result;
}

/* One read or write of a part of the buffer, which comes back with it; or NULL, when the wait itself has failed. */
SR_UNCHECKED static int32_t transfer(struct sr_ring *ring, struct sr_op_spec spec, struct sr_buffer **buffer)
{
    int32_t result;
    do {
        struct sr_op op;
        struct sr_completion done;
        result = sr_op_start(ring, &spec, buffer, &op);
        if (result != 0)
            continue;
        result = wait_for(ring, &op, &done);
        if (result == 0)
            result = sr_take(&done, buffer);
        else
            sr_op_drop(ring, &op);
    } while (is_passing(result) && *buffer != NULL);
    return result;
}

static void release(struct sr_buffer **buffer)
{
    if (*buffer != NULL)
        (void)!sr_buffer_release(buffer);
}

/* A record's bytes, all of them, from or to its place. */
SR_UNCHECKED static int move_record(struct kv *kv, struct record *record, uint64_t number, int writes)
{
    struct sr_buffer *buffer;
    size_t moved = 0;
    int32_t result = sr_buffer_copy_of(&buffer, record, sizeof *record);
    if (result != 0)
        return result;
    while (moved < sizeof *record) {
        struct sr_range rest = sr_range(moved, sizeof *record - moved);
        uint64_t offset = number * sizeof *record + moved;
        struct sr_op_spec spec = writes ? sr_spec_write(sr_fd(kv->file), offset, rest)
                                        : sr_spec_read(sr_fd(kv->file), offset, rest);
        result = transfer(kv->ring, spec, &buffer);
        if (result <= 0)
            break;
        moved += (size_t)result;
    }
    if (buffer != NULL) {
        SR_BUFFER_SCOPE(guard, &buffer)
        memcpy(record, sr_guard_bytes(&guard), sizeof *record);
    }
    release(&buffer);
    return result < 0 ? result : moved == sizeof *record ? 0 : -ENODATA;
}

/* 0: the record is there and whole. -ENODATA: the log ends before it. */
static int read_record(struct kv *kv, struct record *record, uint64_t number)
{
    int code = move_record(kv, record, number, 0);
    if (code == 0 && (record->number != (uint32_t)number || record->sum != sum_of(record)))
        code = -ENODATA;
    return code;
}

int kv_open(struct kv *kv, struct sr_ring *ring, const char *directory)
{
    struct record record;
    *kv = (struct kv){.ring = ring, .directory = -1, .file = -1};
    int code = kv->directory =
        run(ring, sr_spec_openat(sr_fd(AT_FDCWD), directory, O_RDONLY | O_DIRECTORY, 0));
    if (code >= 0)
        code = kv->file = run(ring, sr_spec_openat(sr_fd(kv->directory), "kv", O_RDWR | O_CREAT, 0644));
    if (code >= 0) /* the name may be new */
        code = run(ring, sr_spec_fsync(sr_fd(kv->directory), 0));
    if (code >= 0) {
        while ((code = read_record(kv, &record, kv->count)) == 0)
            kv->count++;
        if (code == -ENODATA) /* what was found counts from now on, whoever wrote it */
            code = run(ring, sr_spec_fsync(sr_fd(kv->file), IORING_FSYNC_DATASYNC));
    }
    if (code < 0)
        kv_close(kv);
    return code < 0 ? code : 0;
}

int kv_put(struct kv *kv, const char *key, const char *value)
{
    struct record record = {.number = (uint32_t)kv->count};
    if (kv->failed || strlen(key) > KV_KEY_MOST || strlen(value) > KV_VALUE_MOST)
        return -EINVAL;
    memcpy(record.key, key, strlen(key));
    memcpy(record.value, value, strlen(value));
    record.sum = sum_of(&record);
    int code = move_record(kv, &record, kv->count, 1);
    if (code == 0)
        code = run(kv->ring, sr_spec_fsync(sr_fd(kv->file), IORING_FSYNC_DATASYNC));
    kv->failed = code != 0;
    if (code == 0)
        kv->count++;
    return code;
}

int kv_get(struct kv *kv, const char *key, char *value)
{
    struct record record = {0};
    for (uint64_t i = kv->count; i-- > 0;) {
        int code = read_record(kv, &record, i);
        if (code != 0)
            return code == -ENODATA ? -EIO : code;
        if (strcmp(record.key, key) == 0) {
            memcpy(value, record.value, sizeof record.value);
            return 0;
        }
    }
    return -ENOENT;
}

void kv_close(struct kv *kv)
{
    if (kv->file >= 0)
        (void)run(kv->ring, sr_spec_close(sr_fd(kv->file)));
    if (kv->directory >= 0)
        (void)run(kv->ring, sr_spec_close(sr_fd(kv->directory)));
    kv->file = kv->directory = -1;
}
