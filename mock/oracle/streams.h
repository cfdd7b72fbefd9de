/*
 * The program's side of a stream: what it has given, what it has got, and where a file's bytes must be. Every call of a
 * scenario on a stream goes through it, and is judged by the rules STR.
 */
#ifndef SRI_ORACLE_STREAMS_H
#define SRI_ORACLE_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oracle/model.h"
#include "oracle/verdict.h"
#include "safer_ring/stream.h"

#define SRI_STREAM_FILE_MAX 4000u
#define SRI_STREAM_PIECE 600u

/* What a direction without positions carries: byte n of it is pattern(key, n). */
struct sri_flow {
    uint64_t key;
    uint64_t given; /* by whoever sends */
    uint64_t got;   /* by whoever receives, each the right one */
    bool ended;     /* the sender has said its last */
};

uint8_t sri_flow_byte(uint64_t key, uint64_t at);

struct sri_streamed {
    struct sri_model *model;
    struct sr_stream *stream; /* NULL: none */
    int fd;
    bool is_file;
    bool reads;
    bool writes;
    bool waits;   /* a call that waits is under way: what was accepted is not known yet */
    bool drained; /* the ring was drained since it was made */
    bool broken;  /* a connection that is lost: what was on its way may be lost with it */
    bool shut;
    uint64_t accepted;
    uint64_t written;

    /* A file: `shadow` is what the program sees, `floor` what the kernel is known to have. */
    uint64_t position;
    uint64_t write_at; /* of the first byte accepted and not known written */
    uint32_t shadow_size;
    uint32_t floor_size;
    uint8_t shadow[SRI_STREAM_FILE_MAX];
    uint8_t floor[SRI_STREAM_FILE_MAX];

    struct sri_flow in;
    struct sri_flow out;
};

/* A stream that was just made over an empty file or a connection. */
void sri_streamed_begin(struct sri_streamed *it, struct sri_model *model, struct sr_stream *stream, int fd,
                        uint64_t key);

/* At most `size` bytes; the status of the call. `waits`: the blocking form. */
int sri_streamed_read(struct sri_streamed *it, size_t size, bool waits);
int sri_streamed_write(struct sri_streamed *it, size_t size, bool waits);
int sri_streamed_flush(struct sri_streamed *it, bool waits);
int sri_streamed_shutdown(struct sri_streamed *it);
int sri_streamed_seek(struct sri_streamed *it, uint64_t to);

/* Bytes that came out at the other end. */
void sri_streamed_heard(struct sri_streamed *it, const uint8_t *bytes, size_t size);

/* A file's content as it is now. */
void sri_streamed_content(struct sri_streamed *it, const uint8_t *bytes, size_t length);

#endif
