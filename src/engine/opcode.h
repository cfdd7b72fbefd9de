/*
 * What an opcode is: one row of a table.
 */
#ifndef SRI_ENGINE_OPCODE_H
#define SRI_ENGINE_OPCODE_H

#include "engine/request.h"

enum sri_trait {
    SRI_TRAIT_FILE = 1 << 0,         /* works on the descriptor in sqe->fd */
    SRI_TRAIT_SOURCE = 1 << 1,       /* reads the program's bytes */
    SRI_TRAIT_TARGET = 1 << 2,       /* writes them */
    SRI_TRAIT_SHORT = 1 << 3,        /* may move fewer bytes than asked for */
    SRI_TRAIT_SHORT_BREAKS = 1 << 4, /* and then breaks a soft link */
    SRI_TRAIT_MESSAGE =
        1 << 5, /* attempt flags are MSG_*: MSG_WAITALL goes on, and a short one breaks a link */
    SRI_TRAIT_PRIORITY = 1 << 6,    /* sqe->ioprio has a meaning */
    SRI_TRAIT_SELECT = 1 << 7,      /* may take a provided buffer */
    SRI_TRAIT_PROMPT = 1 << 8,      /* its start is never delayed: it only waits */
    SRI_TRAIT_BUFFER = 1 << 9,      /* may use a registered buffer: its buffer_node has that meaning */
    SRI_TRAIT_CLOSES = 1 << 10,     /* with a file_slot it closes a direct descriptor, which no world knows */
    SRI_TRAIT_WORKER = 1 << 11,     /* the true kernel always leaves it to a worker */
    SRI_TRAIT_FAILS_LATE = 1 << 12, /* an error of the call it makes is told behind its batch (measured) */
    SRI_TRAIT_LENIENT =
        1 << 15, /* an error of the attempt itself breaks no link and shows no skipped CQE (measured) */
};

struct sri_opcode {
    const char *name;
    uint16_t traits;
    uint8_t work;
    uint8_t errno_count;
    const int16_t *errnos; /* what the manual page lists and a kernel may give at any time; positive */

    /* Checks and copies what the SQE names. 0, or the errno of a refused SQE. NULL: this kernel does not know it. */
    int (*prepare)(struct sri_request *request, const struct io_uring_sqe *sqe);

    /* What is refused only when it is issued: 0 or -errno. May be NULL. */
    int (*admit)(struct sri_request *request);

    /* For what is not the world's: true when it ended, with request->result; false when it waits. NULL: the world's. */
    bool (*issue)(struct sri_request *request);

    /* Copies what goes out besides the bytes, after the commit point. May change request->result. */
    void (*finish)(struct sri_request *request);

    /* Gives back what its argument holds. May be NULL. */
    void (*release)(struct sri_request *request);
};

extern const struct sri_opcode sri_opcodes[IORING_OP_LAST];

static inline const struct sri_opcode *sri_opcode_of(const struct sri_request *request)
{
    return &sri_opcodes[request->opcode];
}

/* rw.c */
int sri_prepare_nop(struct sri_request *request, const struct io_uring_sqe *sqe);
bool sri_issue_nop(struct sri_request *request);
int sri_prepare_rw(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_rwv(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_fsync(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_rw_fixed(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_admit_rw_fixed(struct sri_request *request);
void sri_set_segment(struct sri_request *request, void *base, uint32_t length);
/* Copies an array of segments. 0, -EINVAL, -EFAULT or -ENOMEM. */
int sri_import_segments(struct sri_request *request, const struct iovec *from, uint64_t count);

/* net.c, message.c */
void sri_poll_first(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_sendrecv(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_msg(struct sri_request *request, const struct io_uring_sqe *sqe);
void sri_finish_msg(struct sri_request *request);
int sri_prepare_accept(struct sri_request *request, const struct io_uring_sqe *sqe);
void sri_finish_accept(struct sri_request *request);
int sri_prepare_connect(struct sri_request *request, const struct io_uring_sqe *sqe);

/* files_update.c */
int sri_prepare_files_update(struct sri_request *request, const struct io_uring_sqe *sqe);
bool sri_issue_files_update(struct sri_request *request);

/* socket.c */
int sri_prepare_socket(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_shutdown(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_epoll_ctl(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_uring_cmd(struct sri_request *request, const struct io_uring_sqe *sqe);

/* splice.c */
int sri_prepare_splice(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_tee(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_admit_splice(struct sri_request *request);
void sri_release_splice(struct sri_request *request);

/* path.c */
int sri_prepare_openat(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_openat2(struct sri_request *request, const struct io_uring_sqe *sqe);
void sri_finish_open(struct sri_request *request);
int sri_prepare_close(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_admit_close(struct sri_request *request);
void sri_finish_close(struct sri_request *request);

/* how.c: how a file is to be opened */
struct open_how;
struct open_how sri_how_of(uint32_t flags, uint32_t mode); /* by openat: what it does not know is ignored */
int sri_import_how(struct sri_request *request, uint64_t address, uint32_t size, struct open_how *how);
int sri_check_how(const struct open_how *how);
bool sri_makes_a_file(uint64_t flags); /* or empties one: the true kernel leaves that to a worker */

/* names.c */
int sri_import_path(struct sri_request *request, uint64_t address, bool may_be_empty, char *text);
int sri_prepare_renameat(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_unlinkat(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_mkdirat(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_symlinkat(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_linkat(struct sri_request *request, const struct io_uring_sqe *sqe);

/* status.c */
int sri_prepare_statx(struct sri_request *request, const struct io_uring_sqe *sqe);
void sri_finish_statx(struct sri_request *request);
int sri_prepare_setxattr(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_fsetxattr(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_getxattr(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_fgetxattr(struct sri_request *request, const struct io_uring_sqe *sqe);
void sri_finish_getxattr(struct sri_request *request);

/* storage.c */
int sri_prepare_fallocate(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_sync_file_range(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_fadvise(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_madvise(struct sri_request *request, const struct io_uring_sqe *sqe);

/* poll.c */
int sri_prepare_poll(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_admit_poll(struct sri_request *request);
int sri_prepare_poll_remove(struct sri_request *request, const struct io_uring_sqe *sqe);
bool sri_issue_poll_remove(struct sri_request *request);

/* provide.c */
int sri_prepare_provide(struct sri_request *request, const struct io_uring_sqe *sqe);
bool sri_issue_provide(struct sri_request *request);
int sri_prepare_remove(struct sri_request *request, const struct io_uring_sqe *sqe);
bool sri_issue_remove(struct sri_request *request);

/* zero_copy.c */
int sri_prepare_send_zc(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_prepare_sendmsg_zc(struct sri_request *request, const struct io_uring_sqe *sqe);
int sri_admit_send_zc(struct sri_request *request);

/* timeout.c */
int sri_prepare_timeout(struct sri_request *request, const struct io_uring_sqe *sqe);
bool sri_issue_timeout(struct sri_request *request);
int sri_prepare_timeout_remove(struct sri_request *request, const struct io_uring_sqe *sqe);
bool sri_issue_timeout_remove(struct sri_request *request);
int sri_prepare_link_timeout(struct sri_request *request, const struct io_uring_sqe *sqe);
bool sri_issue_link_timeout(struct sri_request *request);
int sri_copy_time(struct sri_user *door, uint64_t address, uint64_t *time_ns);

/* message_ring.c */
int sri_prepare_msg_ring(struct sri_request *request, const struct io_uring_sqe *sqe);
bool sri_issue_msg_ring(struct sri_request *request);

/* cancel.c */
#define SRI_CANCEL_FLAGS                                                          \
    (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY | \
     IORING_ASYNC_CANCEL_FD_FIXED | IORING_ASYNC_CANCEL_USERDATA | IORING_ASYNC_CANCEL_OP)

int sri_prepare_cancel(struct sri_request *request, const struct io_uring_sqe *sqe);
bool sri_issue_cancel(struct sri_request *request);
struct sri_request *sri_find(struct sri_ring *ring, uint64_t user_data, uint8_t opcode);

#endif
