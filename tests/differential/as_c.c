/*
 * Writes C. What the program does is said once more here, in liburing's words: prepare.c and play.c say it to a ring.
 */
#include "as_c.h"

#include <inttypes.h>

static const char prologue[] =
    "/* gcc -D_GNU_SOURCE differs.c -luring */\n"
    "#include <liburing.h>\n"
    "#include <arpa/inet.h>\n"
    "#include <errno.h>\n"
    "#include <fcntl.h>\n"
    "#include <poll.h>\n"
    "#include <signal.h>\n"
    "#include <stdio.h>\n"
    "#include <stdlib.h>\n"
    "#include <string.h>\n"
    "#include <sys/socket.h>\n"
    "#include <sys/un.h>\n"
    "#include <unistd.h>\n\n"
    "static struct io_uring ring;\n"
    "static struct io_uring_sqe *sqe;\n"
    "static unsigned char bytes[64][64];\n"
    "static struct iovec parts[64][2];\n"
    "static struct msghdr message[64];\n"
    "static struct sockaddr_storage address[8], peer;\n"
    "static socklen_t address_length[8], peer_length = sizeof peer;\n"
    "static struct __kernel_timespec soon = {.tv_nsec = 2000000}, late = {.tv_sec = 3600};\n"
    "static int waiting[256];\n\n"
    "static void say(const char *what, int value)\n"
    "{\n"
    "    printf(\"%s %s\\n\", what, value < 0 ? strerrorname_np(-value) : \"\" );\n"
    "    if (value >= 0)\n"
    "        printf(\"    %d\\n\", value);\n"
    "}\n\n"
    "static void take(unsigned count) /* so many at least, if they come within a second */\n"
    "{\n"
    "    struct __kernel_timespec second = {.tv_sec = 1};\n"
    "    struct io_uring_cqe *cqe;\n"
    "    for (unsigned i = 0; i < count || io_uring_peek_cqe(&ring, &cqe) == 0; i++) {\n"
    "        if (io_uring_wait_cqe_timeout(&ring, &cqe, &second) != 0)\n"
    "            break;\n"
    "        printf(\"  CQE %d flags %u\", (int)cqe->user_data, cqe->flags);\n"
    "        say(\"\", cqe->res);\n"
    "        waiting[cqe->user_data & 255]--;\n"
    "        io_uring_cqe_seen(&ring, cqe);\n"
    "    }\n"
    "}\n\n"
    "static void enter(unsigned left_out, unsigned flags)\n"
    "{\n"
    "    unsigned ready = io_uring_sq_ready(&ring);\n"
    "    for (unsigned tail = *ring.sq.ktail; ring.sq.sqe_head != ring.sq.sqe_tail; ring.sq.sqe_head++) {\n"
    "        ring.sq.array[tail & *ring.sq.kring_mask] = ring.sq.sqe_head & *ring.sq.kring_mask;\n"
    "        io_uring_smp_store_release(ring.sq.ktail, ++tail);\n"
    "    }\n"
    "    unsigned count = *ring.sq.ktail - *ring.sq.khead;\n"
    "    (void)ready;\n"
    "    int rc = io_uring_enter(ring.ring_fd, count - (left_out < count ? left_out : 0), 0, flags, NULL);\n"
    "    say(\"enter\", rc);\n"
    "    printf(\"    %u CQEs visible\\n\", io_uring_cq_ready(&ring));\n"
    "}\n\n"
    "static void next(unsigned char flags, unsigned user_data)\n"
    "{\n"
    "    sqe->flags |= flags;\n"
    "    sqe->user_data = user_data;\n"
    "    waiting[user_data]++;\n"
    "}\n\n"
    "static __attribute__((unused)) void end(void) /* cancels whatever still waits */\n"
    "{\n"
    "    for (int i = 1; i < 200; i++) {\n"
    "        if (waiting[i] <= 0)\n"
    "            continue;\n"
    "        sqe = io_uring_get_sqe(&ring);\n"
    "        io_uring_prep_cancel64(sqe, i, 0);\n"
    "        next(0, 200);\n"
    "        enter(0, 0);\n"
    "        take(1);\n"
    "    }\n"
    "    take(0);\n"
    "}\n\n"
    "static __attribute__((unused)) void end_at_once(void) /* a cancel would wait behind a drain as well */\n"
    "{\n"
    "    struct io_uring_sync_cancel_reg all = {.fd = -1, .flags = IORING_ASYNC_CANCEL_ANY, .timeout = {-1, -1}};\n"
    "    for (int i = 0; i < 4; i++) {\n"
    "        say(\"cancel\", io_uring_register_sync_cancel(&ring, &all));\n"
    "        take(1);\n"
    "    }\n"
    "}\n\n";

static void print_object(FILE *out, uint8_t kind, unsigned i)
{
    switch ((enum df_object_kind)kind) {
    case DF_PIPE: fprintf(out, "    pipe(o[%u]);\n", i); break;
    case DF_PAIR: fprintf(out, "    socketpair(AF_UNIX, SOCK_STREAM, 0, o[%u]);\n", i); break;
    case DF_FILE:
        fprintf(out,
                "    o[%u][0] = open(\"/tmp/differs%u\", O_RDWR | O_CREAT | O_TRUNC, 0600);\n"
                "    o[%u][1] = -1;\n"
                "    for (int i = 0; i < 64; i++)\n"
                "        pwrite(o[%u][0], &(char){(char)('a' + (i + %u) %% 26)}, 1, i);\n",
                i, i, i, i, i);
        break;
    case DF_TCP:
    case DF_LISTENER:
        fprintf(out,
                "    o[%u][0] = socket(%s, SOCK_STREAM, 0);\n"
                "    o[%u][1] = socket(%s, SOCK_STREAM, 0);\n"
                "    address[%u].ss_family = %s; /* autobind */\n"
                "    bind(o[%u][0], (struct sockaddr *)&address[%u], %s);\n"
                "    address_length[%u] = sizeof address[%u];\n"
                "    getsockname(o[%u][0], (struct sockaddr *)&address[%u], &address_length[%u]);\n"
                "    listen(o[%u][0], 16);\n",
                i, kind == DF_TCP ? "AF_INET" : "AF_UNIX", i, kind == DF_TCP ? "AF_INET" : "AF_UNIX", i,
                kind == DF_TCP ? "AF_INET" : "AF_UNIX", i, i,
                kind == DF_TCP ? "sizeof(struct sockaddr_in)" : "sizeof(sa_family_t)", i, i, i, i, i, i);
        if (kind == DF_TCP)
            fprintf(out,
                    "    connect(o[%u][1], (struct sockaddr *)&address[%u], address_length[%u]);\n"
                    "    o[%u][0] = accept(o[%u][0], NULL, NULL);\n",
                    i, i, i, i, i);
        break;
    case DF_FULL:
        fprintf(out, "    pipe(o[%u]);\n    write(o[%u][1], calloc(1, 65536), 65536);\n", i, i);
        break;
    case DF_NOTHING:
    case DF_OBJECT_KINDS: fprintf(out, "    o[%u][0] = o[%u][1] = -1;\n", i, i); break;
    }
}

static void print_poke(FILE *out, const struct df_poke *poke)
{
    static const char *const calls[] = {"send", "recv", "close", "shutdown"};
    const char *call = calls[poke->kind];
    switch (poke->kind) {
    case DF_POKE_WRITE:
    case DF_POKE_READ:
        fprintf(out, "    say(\"%s\", (int)%s(o[%u][%u], bytes[63], %u)); /* as if it did not block */\n",
                call, poke->kind == DF_POKE_WRITE ? "write" : "read", poke->object, poke->end, poke->length);
        break;
    case DF_POKE_CLOSE:
        fprintf(out, "    close(o[%u][%u]);\n    o[%u][%u] = 1000000;\n", poke->object, poke->end,
                poke->object, poke->end);
        break;
    default: fprintf(out, "    shutdown(o[%u][%u], SHUT_RDWR);\n", poke->object, poke->end); break;
    }
}

static const char *const masks[] = {"POLLIN", "POLLOUT", "POLLIN | POLLOUT", "POLLHUP"};

static void print_transfer(FILE *out, const struct df_entry *entry, unsigned i)
{
    const char *flags = entry->variant == 1 ? "MSG_DONTWAIT" : entry->variant == 2 ? "MSG_WAITALL" : "0";
    const char *name = entry->kind == DF_READ          ? "read"
                       : entry->kind == DF_WRITE       ? "write"
                       : entry->kind == DF_READV       ? "readv2"
                       : entry->kind == DF_WRITEV      ? "writev2"
                       : entry->kind == DF_RECV        ? "recv"
                       : entry->kind == DF_SEND        ? "send"
                       : entry->kind == DF_RECVMSG     ? "recvmsg"
                       : entry->kind == DF_READ_FIXED  ? "read_fixed"
                       : entry->kind == DF_WRITE_FIXED ? "write_fixed"
                                                       : "sendmsg";
    fprintf(out, "    io_uring_prep_%s(sqe, o[%u][%u], ", name, entry->object, entry->end);
    switch (entry->kind) {
    case DF_READ:
    case DF_WRITE:
        fprintf(out, "bytes[%u], %u, (__u64)%" PRId64 ");\n", i, entry->length, (int64_t)entry->offset);
        break;
    case DF_READ_FIXED:
    case DF_WRITE_FIXED:
        fprintf(out, "bytes[%u], %u, (__u64)%" PRId64 ", %u);\n", i, entry->length, (int64_t)entry->offset,
                i + (entry->variant == 3));
        break;
    case DF_READV:
    case DF_WRITEV:
        fprintf(out, "parts[%u], 2, (__u64)%" PRId64 ", %s);\n", i, (int64_t)entry->offset,
                entry->kind == DF_READV && entry->variant == 1 ? "RWF_NOWAIT" : "0");
        break;
    case DF_RECV:
    case DF_SEND: fprintf(out, "bytes[%u], %u, %s | MSG_NOSIGNAL);\n", i, entry->length, flags); break;
    default: fprintf(out, "&message[%u], %s | MSG_NOSIGNAL);\n", i, flags); break;
    }
}

static void print_search(FILE *out, const struct df_program *program, const struct df_entry *entry)
{
    const struct df_entry *target = &program->entry[entry->target];
    switch (entry->kind) {
    case DF_POLL_REMOVE: fprintf(out, "    io_uring_prep_poll_remove(sqe, %u);\n", target->user_data); return;
    case DF_POLL_UPDATE:
        fprintf(out, "    io_uring_prep_poll_update(sqe, %u, 0, %s, IORING_POLL_UPDATE_EVENTS);\n",
                target->user_data, masks[entry->variant]);
        return;
    case DF_TIMEOUT_REMOVE:
        fprintf(out, "    io_uring_prep_timeout_remove(sqe, %u, 0);\n", target->user_data);
        return;
    case DF_TIMEOUT_UPDATE:
        fprintf(out, "    io_uring_prep_timeout_update(sqe, &late, %u, %s);\n", target->user_data,
                target->kind == DF_LINK_TIMEOUT ? "IORING_LINK_TIMEOUT_UPDATE" : "0");
        return;
    default: break;
    }
    if (entry->variant == DF_BY_FD || entry->variant == DF_BY_FD_ALL)
        fprintf(out, "    io_uring_prep_cancel_fd(sqe, o[%u][%u], %s);\n", entry->object, entry->end,
                entry->variant == DF_BY_FD ? "0" : "IORING_ASYNC_CANCEL_ALL");
    else if (entry->variant == DF_BY_OP)
        fprintf(out,
                "    io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_OP);\n    sqe->len = IORING_OP_%s;\n",
                target->kind == DF_READ   ? "READ"
                : target->kind == DF_POLL ? "POLL_ADD"
                                          : "TIMEOUT");
    else
        fprintf(out, "    io_uring_prep_cancel64(sqe, %u, %s);\n",
                entry->variant == DF_BY_ANY ? 0 : target->user_data,
                entry->variant == DF_BY_ANY        ? "IORING_ASYNC_CANCEL_ANY"
                : entry->variant == DF_BY_DATA_ALL ? "IORING_ASYNC_CANCEL_ALL"
                                                   : "0");
}

static void print_timer(FILE *out, const struct df_entry *entry)
{
    const char *time = entry->brief ? "soon" : "late";
    if (entry->kind == DF_LINK_TIMEOUT)
        fprintf(out, "    io_uring_prep_link_timeout(sqe, &%s, 0);\n", time);
    else
        fprintf(out, "    io_uring_prep_timeout(sqe, &%s, %u, %s);\n", time,
                entry->variant < 3 ? entry->variant : 0u,
                entry->variant == 3 ? "IORING_TIMEOUT_ETIME_SUCCESS" : "0");
}

static void print_bad(FILE *out, const struct df_entry *entry)
{
    static const char *const how[] = {"opcode = 255", "ioprio = 1", "personality = 77", "flags = 0x80"};
    fprintf(out, "    io_uring_prep_nop(sqe);\n    sqe->%s;\n", how[entry->variant]);
}

static void print_other(FILE *out, const struct df_program *program, const struct df_entry *entry)
{
    static const char *const modes[] = {"O_RDONLY", "O_RDWR", "O_WRONLY", "O_RDONLY | O_DIRECTORY"};
    unsigned o = entry->object;
    switch (entry->kind) {
    case DF_POLL:
        fprintf(out, "    io_uring_prep_poll_add(sqe, o[%u][%u], %s);\n", o, entry->end,
                masks[entry->variant]);
        break;
    case DF_ACCEPT:
        fprintf(out, "    io_uring_prep_accept(sqe, o[%u][%u], %s, 0);\n", o, entry->end,
                entry->variant & 1 ? "(struct sockaddr *)&peer, &peer_length" : "NULL, NULL");
        break;
    case DF_CONNECT:
        fprintf(
            out,
            "    io_uring_prep_connect(sqe, o[%u][%u], (struct sockaddr *)&address[%u], address_length[%u]);\n",
            o, entry->end, o, o);
        break;
    case DF_FSYNC:
        fprintf(out, "    io_uring_prep_fsync(sqe, o[%u][%u], %s);\n", o, entry->end,
                entry->variant & 1 ? "IORING_FSYNC_DATASYNC" : "0");
        break;
    case DF_CLOSE: fprintf(out, "    io_uring_prep_close(sqe, o[%u][%u]);\n", o, entry->end); break;
    default:
        fprintf(out, "    io_uring_prep_openat(sqe, AT_FDCWD, \"/tmp/%s%u\", %s, 0);\n",
                program->object[o] == DF_FILE ? "differs" : "missing", o, modes[entry->variant]);
        break;
    }
}

static void print_entry(FILE *out, const struct df_program *program, unsigned i)
{
    const struct df_entry *entry = &program->entry[i];
    fprintf(out, "    sqe = io_uring_get_sqe(&ring); /* %s */\n", df_kind_name(entry->kind));
    switch ((enum df_kind)entry->kind) {
    case DF_NOP: fprintf(out, "    io_uring_prep_nop(sqe);\n"); break;
    case DF_BAD: print_bad(out, entry); break;
    case DF_TIMEOUT:
    case DF_LINK_TIMEOUT: print_timer(out, entry); break;
    case DF_CANCEL:
    case DF_POLL_REMOVE:
    case DF_POLL_UPDATE:
    case DF_TIMEOUT_REMOVE:
    case DF_TIMEOUT_UPDATE: print_search(out, program, entry); break;
    case DF_POLL:
    case DF_ACCEPT:
    case DF_CONNECT:
    case DF_FSYNC:
    case DF_OPENAT:
    case DF_CLOSE: print_other(out, program, entry); break;
    case DF_READ:
    case DF_WRITE:
    case DF_READV:
    case DF_WRITEV:
    case DF_RECV:
    case DF_SEND:
    case DF_RECVMSG:
    case DF_READ_FIXED:
    case DF_WRITE_FIXED:
    case DF_SENDMSG: print_transfer(out, entry, i); break;
    case DF_KINDS: break;
    }
    if (entry->flags & IOSQE_FIXED_FILE)
        fprintf(out, "    sqe->fd = %u;\n", 2u * entry->object + entry->end);
    if (entry->flags & IOSQE_BUFFER_SELECT)
        fprintf(out, "    sqe->buf_group = %u;\n", (unsigned)DF_GROUP);
    if (entry->many)
        fprintf(out, "    sqe->ioprio |= %s;\n%s",
                entry->kind == DF_ACCEPT ? "IORING_ACCEPT_MULTISHOT" : "IORING_RECV_MULTISHOT",
                entry->kind == DF_ACCEPT ? "" : "    sqe->len = 0;\n");
    fprintf(out, "    next(0x%x, %u);\n", entry->flags, entry->user_data);
}

/* Buffers and vectors of those that have any, as prepare.c lays them. */
static void print_memory(FILE *out, const struct df_program *program)
{
    fprintf(out, "    memset(bytes[63], 'p', 64);\n");
    for (unsigned i = 0; i < program->entries; i++) {
        const struct df_entry *entry = &program->entry[i];
        if (entry->kind < DF_READ || entry->kind > DF_WRITE_FIXED)
            continue;
        fprintf(out,
                "    memset(bytes[%u], %u, 64);\n"
                "    parts[%u][0] = (struct iovec){bytes[%u], %u};\n"
                "    parts[%u][1] = (struct iovec){bytes[%u] + %u, %u};\n"
                "    message[%u] = (struct msghdr){.msg_iov = parts[%u], .msg_iovlen = 2};\n",
                i, 'A' + i % 26, i, i, entry->length / 2, i, i, entry->length / 2,
                entry->length - entry->length / 2, i, i);
    }
}

static void print_registered(FILE *out, const struct df_program *program)
{
    if (program->registers & DF_HAS_FILES)
        fprintf(out, "    say(\"files\", io_uring_register_files(&ring, o[0], %u)); /* with -1 for none */\n",
                2u * DF_OBJECTS);
    if (program->registers & DF_HAS_BUFFERS)
        fprintf(out,
                "    struct iovec buffers[%u];\n    for (int i = 0; i < %u; i++)\n"
                "        buffers[i] = (struct iovec){bytes[i], 64};\n"
                "    say(\"buffers\", io_uring_register_buffers(&ring, buffers, %u));\n",
                program->entries, program->entries, program->entries);
    if (program->registers & DF_HAS_GROUP)
        fprintf(out,
                "    static char group[%u][%u];\n    sqe = io_uring_get_sqe(&ring);\n"
                "    io_uring_prep_provide_buffers(sqe, group, %u, %u, %u, 0);\n    next(0, 199);\n"
                "    enter(0, 0);\n    take(1);\n",
                (unsigned)DF_GROUP_BUFFERS, (unsigned)DF_GROUP_BYTES, (unsigned)DF_GROUP_BYTES,
                (unsigned)DF_GROUP_BUFFERS, (unsigned)DF_GROUP);
    if (program->registers & DF_HAS_RING)
        fprintf(out,
                "    static char group[%u][%u], memory[4096] __attribute__((aligned(4096)));\n"
                "    struct io_uring_buf_ring *provided = (void *)memory;\n"
                "    struct io_uring_buf_reg of_group = {(__u64)provided, %u, %u};\n"
                "    say(\"group\", io_uring_register_buf_ring(&ring, &of_group, 0));\n"
                "    for (int i = 0; i < %u; i++)\n"
                "        io_uring_buf_ring_add(provided, group[i], %u, i, %u, i);\n"
                "    io_uring_buf_ring_advance(provided, %u);\n",
                (unsigned)DF_GROUP_BUFFERS, (unsigned)DF_GROUP_BYTES, (unsigned)DF_GROUP_BUFFERS,
                (unsigned)DF_GROUP, (unsigned)DF_GROUP_BUFFERS, (unsigned)DF_GROUP_BYTES,
                (unsigned)DF_GROUP_BUFFERS - 1, (unsigned)DF_GROUP_BUFFERS);
}

static void print_registration(FILE *out, const struct df_program *program, const struct df_round *round)
{
    unsigned slot = round->slot % (2 * DF_OBJECTS);
    const char *what = df_registration_name(round->registration);
    switch ((enum df_registration)round->registration) {
    case DF_EMPTY_SLOT:
        fprintf(out, "    say(\"%s\", io_uring_register_files_update(&ring, %u, &(int){-1}, 1));\n", what,
                slot);
        break;
    case DF_FILL_SLOT:
        fprintf(out, "    say(\"%s\", io_uring_register_files_update(&ring, %u, &o[%u][%u], 1));\n", what,
                slot, slot / 2, slot % 2);
        break;
    case DF_FILES_AGAIN:
        fprintf(out, "    say(\"%s\", io_uring_register_files(&ring, o[0], %u));\n", what, 2u * DF_OBJECTS);
        break;
    case DF_NO_FILES: fprintf(out, "    say(\"%s\", io_uring_unregister_files(&ring));\n", what); break;
    case DF_BUFFERS_AGAIN:
        fprintf(out, "    say(\"%s\", io_uring_register_buffers(&ring, %s, %u));\n", what,
                program->registers & DF_HAS_BUFFERS ? "buffers" : "parts[0]", program->entries);
        break;
    case DF_NO_BUFFERS: fprintf(out, "    say(\"%s\", io_uring_unregister_buffers(&ring));\n", what); break;
    case DF_NO_REGISTRATION:
    case DF_REGISTRATIONS: break;
    }
}

static void print_round(FILE *out, const struct df_program *program, const struct df_plan *plan,
                        unsigned number)
{
    const struct df_round *round = &program->round[number];
    fprintf(out, "\n    /* round %u */\n", number + 1);
    print_registration(out, program, round);
    for (unsigned i = 0; i < round->pokes; i++)
        print_poke(out, &round->poke[i]);
    for (unsigned i = 0; i < round->count; i++)
        print_entry(out, program, round->first + i);
    fprintf(out, "    enter(%u, %s);\n", round->left_out, round->get_events ? "IORING_ENTER_GETEVENTS" : "0");
    if (round->settles)
        fprintf(out, "    take(%u);\n", plan->expected[number]);
    else if (!round->leaves_cqes)
        fprintf(out, "    take(0); /* what is there */\n");
}

void df_print_as_c(FILE *out, const struct df_program *program, const struct df_plan *plan)
{
    fprintf(out, "%sint main(void)\n{\n    int o[%u][2];\n    struct io_uring_params params = {.flags = 0x%x",
            prologue, (unsigned)DF_OBJECTS,
            program->setup_flags | (program->cq_entries != 0 ? IORING_SETUP_CQSIZE : 0u));
    if (program->cq_entries != 0)
        fprintf(out, ", .cq_entries = %u", program->cq_entries);
    fprintf(out, "};\n    signal(SIGPIPE, SIG_IGN);\n    io_uring_queue_init_params(%u, &ring, &params);\n",
            DF_SQ_ENTRIES);
    for (unsigned i = 0; i < DF_OBJECTS; i++)
        print_object(out, program->object[i], i);
    print_memory(out, program);
    print_registered(out, program);
    for (unsigned i = 0; i < program->rounds; i++)
        print_round(out, program, plan, i);
    bool drains = false;
    for (unsigned i = 0; i < program->entries; i++)
        drains |= (program->entry[i].flags & IOSQE_IO_DRAIN) != 0;
    fprintf(out, "\n    enter(0, 0);\n    take(%u);\n    %s();\n    return 0;\n}\n",
            plan->expected[program->rounds], drains ? "end_at_once" : "end");
}
