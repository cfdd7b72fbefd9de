/*
 * The program's side of operations that complete more than once, of buffers that the kernel selects, and of sends that are
 * over when they are notified: what each may answer, whose each buffer is, which bytes come next. Every such call of a
 * scenario goes through it, and is judged (BUF-3 … BUF-5, BUF-7, BUF-9, OP-3, OP-4, OP-8, OP-9, CB, ORPH, RING-1, RING-4).
 */
#ifndef SRI_ORACLE_SHOTS_H
#define SRI_ORACLE_SHOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oracle/model.h"
#include "oracle/streams.h"
#include "safer_ring/multishot.h"
#include "safer_ring/provider.h"

#define SRI_FOUNTS 3u
#define SRI_SERIES 8u
#define SRI_CATCHES 32u
#define SRI_HELD_SHOTS 6u
#define SRI_SENDINGS 3u
#define SRI_SENDING_BYTES 600u

struct sri_shots;

/* A provider. */
struct sri_fount {
    struct sr_provider *provider; /* NULL: there is none */
    uint32_t count;
    size_t size;
    uint32_t out; /* buffers the program has taken, or holds the completions of */
};

/* A buffer of a provider that the program has taken. */
struct sri_catch {
    struct sr_buffer *buffer; /* NULL: none */
    struct sri_fount *fount;
    uint64_t sum; /* of its bytes: nobody writes them before it is back */
};

/* Bytes that one side gives and the other gets. */
struct sri_conversation {
    int mine;        /* -1: there is no conversation */
    int peer;        /* the scenario's end */
    bool is_network; /* a connection, which may be lost */
    bool is_pipe;    /* one way: what the peer says */
    struct sri_flow in;
    struct sri_flow out;
    bool in_lost;    /* some of it went to nobody: which comes next is not known */
    bool out_lost;   /* or went who knows how far */
    bool is_broken;  /* it may have ended: what was on its way may be lost */
    uint32_t coming; /* bytes of a send whose end is not known */
};

enum sri_series_stage {
    SRI_SERIES_NONE,
    SRI_SERIES_LIVE,
    SRI_SERIES_LAST_HELD, /* the program holds its last completion */
};

/* Who is to get the completions. */
enum sri_series_claim {
    SRI_SERIES_BY_HANDLE, /* a single one's */
    SRI_SERIES_BY_QUEUE,
    SRI_SERIES_BY_CALLBACK,
};

/* An operation that completes again and again; or (single) once, with a buffer that the kernel selects. */
struct sri_series {
    struct sri_shots *shots;
    enum sri_series_stage stage;
    enum sri_series_claim claim;
    bool single;
    uint8_t opcode;
    struct sr_multishot name; /* of a single one too: its id */
    struct sr_op op;          /* a single one's handle */
    uint64_t enters;          /* into the kernel, before it was started */
    struct sri_fount *fount;
    struct sri_conversation *talk;
};

/* A completion in hand. */
struct sri_shot {
    struct sr_completion done; /* id 0: none */
    struct sri_series *last;   /* whose last it is; or NULL */
    struct sri_fount *fount;   /* of the buffer it brings; or NULL */
    uint64_t key;              /* of the bytes, 0: nobody knows which they are */
    uint64_t at;
};

/* A zero-copy send. */
struct sri_sending {
    struct sri_shots *shots;
    struct sri_conversation *talk; /* NULL: there is none */
    struct sri_held *held;         /* its buffer */
    struct sr_op op;               /* the handle; id 0: handed over */
    uint64_t id;
    uint32_t length;
};

/* What is the scenario's to draw. */
struct sri_shots_client {
    bool (*chance)(uint32_t per_1024);
    void (*inside)(struct sri_series *series); /* in a callback, before its completion is ended */
    void (*made)(int fd);                      /* a descriptor that is the program's */
};

struct sri_shots {
    struct sri_model *model;
    struct sr_ring *ring;
    struct sri_shots_client client;
    uint32_t waiting; /* depth of calls that may run callbacks */
    uint32_t callback_depth;
    uint32_t callback_runs;
    bool draining;
    uint32_t others; /* of the scenario's own that are detached and have not come */
    bool has_strays; /* a drain may have disposed of some */
    struct sri_fount founts[SRI_FOUNTS];
    struct sri_series series[SRI_SERIES];
    struct sri_catch catches[SRI_CATCHES];
    struct sri_shot held[SRI_HELD_SHOTS];
    struct sri_sending sendings[SRI_SENDINGS];
};

/* ---- shots.c: providers, and what is selected ---- */

/* false: there is no memory, or the kernel refuses. */
bool sri_fount_make(struct sri_shots *shots, struct sri_fount *fount, uint32_t count, size_t size);
/* true: it is gone. */
bool sri_fount_free(struct sri_shots *shots, struct sri_fount *fount);
/* Gives a buffer back. */
void sri_catch_release(struct sri_shots *shots, struct sri_catch *it);
/* Takes what a completion brings, or finishes it. */
void sri_shot_end(struct sri_shots *shots, struct sri_shot *shot);
uint32_t sri_shots_held(const struct sri_shots *shots);
/* The counts that hold at any moment. */
void sri_shots_judge_counts(struct sri_shots *shots);

/* ---- shots_series.c: started, delivered, given up ---- */

/* false: refused, or no place in the books. */
bool sri_series_start(struct sri_shots *shots, const struct sr_op_spec *spec, struct sri_conversation *talk,
                      enum sri_series_claim claim);
/* By the handle of a single one; 0: peeks. */
void sri_series_await(struct sri_series *series, uint64_t timeout_ns);
void sri_series_stop(struct sri_series *series);
void sri_series_drop(struct sri_series *series);
void sri_series_came(struct sri_series *series, struct sr_completion *done);
/* Of a conversation: is somebody receiving? */
bool sri_shots_receive(const struct sri_shots *shots, const struct sri_conversation *talk);

/* ---- shots_wait.c: the queue, callbacks, draining ---- */

/* One out of the queue, judged and ended or held: what sr_ring_next_timeout() answers. */
int sri_shots_next(struct sri_shots *shots, uint64_t timeout_ns);
int sri_shots_dispatch(struct sri_shots *shots);
int sri_shots_drain(struct sri_shots *shots, uint64_t timeout_ns);
void sri_shots_wait_begin(struct sri_shots *shots);
void sri_shots_wait_end(struct sri_shots *shots);
/* May a call that waits, or would, end so? `not_yet`: what it says when it is not there yet. */
bool sri_shots_is_unfinished(const struct sri_shots *shots, int rc, int not_yet);

/* ---- shots_sending.c: zero-copy sends ---- */

bool sri_sending_send(struct sri_shots *shots, struct sri_conversation *talk, uint32_t length, bool detached);
/* By its handle; 0: peeks. */
void sri_sending_await(struct sri_sending *sending, uint64_t timeout_ns);
void sri_sending_drop(struct sri_sending *sending);
void sri_sending_came(struct sri_sending *sending, struct sr_completion *done);
/* In flight it is nobody's to touch. */
void sri_sending_probe(const struct sri_sending *sending);
/* Bytes that came out at the other end. */
void sri_conversation_heard(struct sri_shots *shots, struct sri_conversation *talk, const uint8_t *bytes,
                            size_t size);

#endif
