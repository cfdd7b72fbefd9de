/*
 * The table of opcodes; what has no function here is refused with -EINVAL, as by a kernel without it (BACK-2). The errno
 * lists follow the manual pages of the calls; what a fault of this kind would leave behind (a closed descriptor after an EIO
 * of close) keeps it out of the list.
 */
#include "engine/opcode.h"

#include <errno.h>

#include "engine/engine.h"

static const int16_t read_errnos[] = {EIO, EAGAIN, EINTR, ENOMEM, ECANCELED};
static const int16_t write_errnos[] = {EIO, ENOSPC, EAGAIN, EINTR, ENOMEM, ECANCELED};
static const int16_t recv_errnos[] = {ECONNRESET, EAGAIN, EINTR, ENOMEM, ENOBUFS, ETIMEDOUT, ECANCELED};
static const int16_t send_errnos[] = {ECONNRESET, EPIPE, EAGAIN, EINTR, ENOMEM, ENOBUFS, ECANCELED};
static const int16_t accept_errnos[] = {ECONNABORTED, EMFILE, ENFILE, EINTR, ENOMEM, ENOBUFS, ECANCELED};
static const int16_t connect_errnos[] = {ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EINTR, ENOMEM, ECANCELED};
static const int16_t poll_errnos[] = {ENOMEM, ECANCELED};
static const int16_t fsync_errnos[] = {EIO, ENOSPC, EINTR, ECANCELED};
static const int16_t open_errnos[] = {EMFILE, ENFILE, EINTR, ENOMEM, EIO, ECANCELED};
static const int16_t socket_errnos[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, ECANCELED};
static const int16_t shutdown_errnos[] = {ECANCELED};
static const int16_t splice_errnos[] = {EAGAIN, EINTR, ENOMEM, EIO, ECANCELED};
static const int16_t interest_errnos[] = {ENOMEM, ENOSPC, ECANCELED};

static const int16_t allocate_errnos[] = {EIO, ENOSPC, EINTR, ENOMEM, ECANCELED};
static const int16_t name_errnos[] = {EIO, ENOSPC, ENOMEM, ECANCELED};
static const int16_t remove_errnos[] = {EIO, ENOMEM, ECANCELED};
static const int16_t look_errnos[] = {EIO, ENOMEM, ECANCELED};
static const int16_t advice_errnos[] = {ENOMEM, EAGAIN, ECANCELED};

#define ERRNOS(list) .errnos = (list), .errno_count = sizeof(list) / sizeof((list)[0])
#define READS                                                                                          \
    (SRI_TRAIT_FILE | SRI_TRAIT_TARGET | SRI_TRAIT_SHORT | SRI_TRAIT_SHORT_BREAKS | SRI_TRAIT_SELECT | \
     SRI_TRAIT_PRIORITY)
#define WRITES                                                                                           \
    (SRI_TRAIT_FILE | SRI_TRAIT_SOURCE | SRI_TRAIT_SHORT | SRI_TRAIT_SHORT_BREAKS | SRI_TRAIT_PRIORITY | \
     SRI_TRAIT_FAILS_LATE)
#define RECVS                                                                                     \
    (SRI_TRAIT_FILE | SRI_TRAIT_TARGET | SRI_TRAIT_SHORT | SRI_TRAIT_MESSAGE | SRI_TRAIT_SELECT | \
     SRI_TRAIT_PRIORITY)
#define SENDS (SRI_TRAIT_FILE | SRI_TRAIT_SOURCE | SRI_TRAIT_SHORT | SRI_TRAIT_MESSAGE | SRI_TRAIT_PRIORITY)
#define SPLICES (SRI_TRAIT_FILE | SRI_TRAIT_SHORT | SRI_TRAIT_SHORT_BREAKS | SRI_TRAIT_WORKER)

/* clang-format off */
const struct sri_opcode sri_opcodes[IORING_OP_LAST] = {
    [IORING_OP_NOP] = {.name = "NOP", .prepare = sri_prepare_nop, .issue = sri_issue_nop},
    [IORING_OP_READV] = {.name = "READV", .traits = READS, .work = SRI_WORK_READ, .prepare = sri_prepare_rwv,
                         ERRNOS(read_errnos)},
    [IORING_OP_WRITEV] = {.name = "WRITEV", .traits = WRITES, .work = SRI_WORK_WRITE, .prepare = sri_prepare_rwv,
                          ERRNOS(write_errnos)},
    [IORING_OP_FSYNC] = {.name = "FSYNC", .traits = SRI_TRAIT_FILE | SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_FSYNC,
                         .prepare = sri_prepare_fsync, ERRNOS(fsync_errnos)},
    [IORING_OP_READ_FIXED] = {.name = "READ_FIXED", .traits = (READS & ~SRI_TRAIT_SELECT) | SRI_TRAIT_BUFFER,
                              .work = SRI_WORK_READ, .prepare = sri_prepare_rw_fixed, .admit = sri_admit_rw_fixed,
                              ERRNOS(read_errnos)},
    [IORING_OP_WRITE_FIXED] = {.name = "WRITE_FIXED", .traits = WRITES | SRI_TRAIT_BUFFER, .work = SRI_WORK_WRITE,
                               .prepare = sri_prepare_rw_fixed, .admit = sri_admit_rw_fixed, ERRNOS(write_errnos)},
    [IORING_OP_POLL_ADD] = {.name = "POLL_ADD", .traits = SRI_TRAIT_FILE, .work = SRI_WORK_POLL,
                            .prepare = sri_prepare_poll, .admit = sri_admit_poll, ERRNOS(poll_errnos)},
    [IORING_OP_POLL_REMOVE] = {.name = "POLL_REMOVE", .prepare = sri_prepare_poll_remove,
                               .issue = sri_issue_poll_remove},
    [IORING_OP_SYNC_FILE_RANGE] = {.name = "SYNC_FILE_RANGE", .traits = SRI_TRAIT_FILE | SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_SYNC_RANGE,
                                   .prepare = sri_prepare_sync_file_range, ERRNOS(fsync_errnos)},
    [IORING_OP_SENDMSG] = {.name = "SENDMSG", .traits = SENDS, .work = SRI_WORK_SEND, .prepare = sri_prepare_msg,
                           ERRNOS(send_errnos)},
    [IORING_OP_RECVMSG] = {.name = "RECVMSG", .traits = RECVS, .work = SRI_WORK_RECV, .prepare = sri_prepare_msg,
                           .finish = sri_finish_msg, ERRNOS(recv_errnos)},
    [IORING_OP_TIMEOUT] = {.name = "TIMEOUT", .traits = SRI_TRAIT_PROMPT, .prepare = sri_prepare_timeout,
                           .issue = sri_issue_timeout},
    [IORING_OP_TIMEOUT_REMOVE] = {.name = "TIMEOUT_REMOVE", .prepare = sri_prepare_timeout_remove,
                                  .issue = sri_issue_timeout_remove},
    [IORING_OP_ACCEPT] = {.name = "ACCEPT", .traits = SRI_TRAIT_FILE | SRI_TRAIT_PRIORITY, .work = SRI_WORK_ACCEPT,
                          .prepare = sri_prepare_accept, .finish = sri_finish_accept, ERRNOS(accept_errnos)},
    [IORING_OP_ASYNC_CANCEL] = {.name = "ASYNC_CANCEL", .prepare = sri_prepare_cancel, .issue = sri_issue_cancel},
    [IORING_OP_LINK_TIMEOUT] = {.name = "LINK_TIMEOUT", .traits = SRI_TRAIT_PROMPT,
                                .prepare = sri_prepare_link_timeout, .issue = sri_issue_link_timeout},
    [IORING_OP_CONNECT] = {.name = "CONNECT", .traits = SRI_TRAIT_FILE, .work = SRI_WORK_CONNECT,
                           .prepare = sri_prepare_connect, ERRNOS(connect_errnos)},
    [IORING_OP_FALLOCATE] = {.name = "FALLOCATE", .traits = SRI_TRAIT_FILE | SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_FALLOCATE,
                             .prepare = sri_prepare_fallocate, ERRNOS(allocate_errnos)},
    [IORING_OP_OPENAT] = {.name = "OPENAT", .work = SRI_WORK_OPEN, .prepare = sri_prepare_openat,
                          .finish = sri_finish_open, ERRNOS(open_errnos)},
    [IORING_OP_CLOSE] = {.name = "CLOSE", .traits = SRI_TRAIT_CLOSES, .work = SRI_WORK_CLOSE, .prepare = sri_prepare_close, .admit = sri_admit_close,
                         .finish = sri_finish_close},
    [IORING_OP_FILES_UPDATE] = {.name = "FILES_UPDATE", .prepare = sri_prepare_files_update,
                                .issue = sri_issue_files_update},
    [IORING_OP_STATX] = {.name = "STATX", .traits = SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_STATX, .prepare = sri_prepare_statx,
                         .finish = sri_finish_statx, ERRNOS(look_errnos)},
    [IORING_OP_READ] = {.name = "READ", .traits = READS, .work = SRI_WORK_READ, .prepare = sri_prepare_rw,
                        ERRNOS(read_errnos)},
    [IORING_OP_WRITE] = {.name = "WRITE", .traits = WRITES, .work = SRI_WORK_WRITE, .prepare = sri_prepare_rw,
                         ERRNOS(write_errnos)},
    [IORING_OP_FADVISE] = {.name = "FADVISE", .traits = SRI_TRAIT_FILE, .work = SRI_WORK_FADVISE,
                           .prepare = sri_prepare_fadvise},
    [IORING_OP_MADVISE] = {.name = "MADVISE", .traits = SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_MADVISE, .prepare = sri_prepare_madvise,
                           ERRNOS(advice_errnos)},
    [IORING_OP_SEND] = {.name = "SEND", .traits = SENDS | SRI_TRAIT_SELECT, .work = SRI_WORK_SEND, .prepare = sri_prepare_sendrecv,
                        ERRNOS(send_errnos)},
    [IORING_OP_RECV] = {.name = "RECV", .traits = RECVS, .work = SRI_WORK_RECV, .prepare = sri_prepare_sendrecv,
                        ERRNOS(recv_errnos)},
    [IORING_OP_OPENAT2] = {.name = "OPENAT2", .work = SRI_WORK_OPEN, .prepare = sri_prepare_openat2,
                           .finish = sri_finish_open, ERRNOS(open_errnos)},
    [IORING_OP_EPOLL_CTL] = {.name = "EPOLL_CTL", .work = SRI_WORK_EPOLL_CTL, .prepare = sri_prepare_epoll_ctl,
                             ERRNOS(interest_errnos)},
    [IORING_OP_SPLICE] = {.name = "SPLICE", .traits = SPLICES, .work = SRI_WORK_SPLICE, .prepare = sri_prepare_splice,
                          .admit = sri_admit_splice, .release = sri_release_splice, ERRNOS(splice_errnos)},
    [IORING_OP_PROVIDE_BUFFERS] = {.name = "PROVIDE_BUFFERS", .prepare = sri_prepare_provide,
                                   .issue = sri_issue_provide},
    [IORING_OP_REMOVE_BUFFERS] = {.name = "REMOVE_BUFFERS", .prepare = sri_prepare_remove,
                                  .issue = sri_issue_remove},
    [IORING_OP_TEE] = {.name = "TEE", .traits = SPLICES, .work = SRI_WORK_TEE, .prepare = sri_prepare_tee,
                       .admit = sri_admit_splice, .release = sri_release_splice, ERRNOS(splice_errnos)},
    [IORING_OP_SHUTDOWN] = {.name = "SHUTDOWN", .traits = SRI_TRAIT_FILE | SRI_TRAIT_WORKER, .work = SRI_WORK_SHUTDOWN,
                            .prepare = sri_prepare_shutdown, ERRNOS(shutdown_errnos)},
    [IORING_OP_RENAMEAT] = {.name = "RENAMEAT", .traits = SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_RENAME, .prepare = sri_prepare_renameat,
                      ERRNOS(name_errnos)},
    [IORING_OP_UNLINKAT] = {.name = "UNLINKAT", .traits = SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_UNLINK, .prepare = sri_prepare_unlinkat,
                      ERRNOS(remove_errnos)},
    [IORING_OP_MKDIRAT] = {.name = "MKDIRAT", .traits = SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_MKDIR, .prepare = sri_prepare_mkdirat,
                      ERRNOS(name_errnos)},
    [IORING_OP_SYMLINKAT] = {.name = "SYMLINKAT", .traits = SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_SYMLINK, .prepare = sri_prepare_symlinkat,
                      ERRNOS(name_errnos)},
    [IORING_OP_LINKAT] = {.name = "LINKAT", .traits = SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_LINK, .prepare = sri_prepare_linkat,
                      ERRNOS(name_errnos)},
    [IORING_OP_MSG_RING] = {.name = "MSG_RING", .prepare = sri_prepare_msg_ring, .issue = sri_issue_msg_ring},
    [IORING_OP_FSETXATTR] = {.name = "FSETXATTR", .traits = SRI_TRAIT_FILE | SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_SET_XATTR,
                             .prepare = sri_prepare_fsetxattr, ERRNOS(name_errnos)},
    [IORING_OP_SETXATTR] = {.name = "SETXATTR", .traits = SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_SET_XATTR, .prepare = sri_prepare_setxattr,
                            ERRNOS(name_errnos)},
    [IORING_OP_FGETXATTR] = {.name = "FGETXATTR", .traits = SRI_TRAIT_FILE | SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_GET_XATTR,
                             .prepare = sri_prepare_fgetxattr, .finish = sri_finish_getxattr, ERRNOS(look_errnos)},
    [IORING_OP_GETXATTR] = {.name = "GETXATTR", .traits = SRI_TRAIT_WORKER | SRI_TRAIT_LENIENT, .work = SRI_WORK_GET_XATTR, .prepare = sri_prepare_getxattr,
                            .finish = sri_finish_getxattr, ERRNOS(look_errnos)},
    [IORING_OP_SOCKET] = {.name = "SOCKET", .work = SRI_WORK_SOCKET, .prepare = sri_prepare_socket,
                          .finish = sri_finish_open, ERRNOS(socket_errnos)},
    [IORING_OP_URING_CMD] = {.name = "URING_CMD", .traits = SRI_TRAIT_FILE, .prepare = sri_prepare_uring_cmd},
    [IORING_OP_SEND_ZC] = {.name = "SEND_ZC", .traits = SENDS | SRI_TRAIT_BUFFER, .work = SRI_WORK_SEND,
                           .prepare = sri_prepare_send_zc, .admit = sri_admit_send_zc, ERRNOS(send_errnos)},
    [IORING_OP_SENDMSG_ZC] = {.name = "SENDMSG_ZC", .traits = SENDS, .work = SRI_WORK_SEND,
                              .prepare = sri_prepare_sendmsg_zc, .admit = sri_admit_send_zc, ERRNOS(send_errnos)},
};
/* clang-format on */

const char *sri_opcode_name(uint8_t opcode)
{
    if (opcode >= IORING_OP_LAST)
        return "?";
    return sri_opcodes[opcode].name;
}
