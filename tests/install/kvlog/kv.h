/*
 * A key-value store in one file, on safer_ring: what was put is there for good once kv_put() has said so.
 */
#ifndef KV_H
#define KV_H

#include <safer_ring.h>

#define KV_KEY_MOST 23
#define KV_VALUE_MOST 27

struct kv {
    struct sr_ring *ring;
    int directory;
    int file;
    uint64_t count; /* of records */
    int failed;     /* a write went wrong: nobody knows what is on the disk until it is opened again */
};

/* Opens DIRECTORY/kv, or makes it. 0 or a negative code. */
int kv_open(struct kv *kv, struct sr_ring *ring, const char *directory);

/* 0: it is there for good. -EINVAL: too long. Any other code: it may be there or not, and the store takes no more. */
int kv_put(struct kv *kv, const char *key, const char *value);

/* The newest value of a key: 0, -ENOENT, or why it can't be read. `value` has room for KV_VALUE_MOST + 1. */
int kv_get(struct kv *kv, const char *key, char *value);

void kv_close(struct kv *kv);

#endif
