/*
 * A server and its client on one ring: multishot accept, receives into provided buffers that are given back, sends that may
 * be short, a timeout in the end.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "program.h"

enum {
    ACCEPT = 1,
    RECEIVE,
    SEND,
    PROVIDE,
    TIMER
};

#define BYTES 20000u
#define GROUP 5
#define BUFFERS 8
#define BUFFER 512

static struct io_uring ring;
static unsigned char provided[BUFFERS][BUFFER];
static unsigned char sent[BYTES];
static unsigned char received[BYTES];
static int listener;
static int client;
static int peer = -1;
static size_t out;
static size_t in;
static unsigned providing; /* given back, and not known to be taken */

static struct io_uring_sqe *sqe_for(unsigned what)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    CHECK(sqe != NULL);
    io_uring_sqe_set_data64(sqe, what);
    return sqe;
}

static void provide(int first, int count)
{
    providing++;
    io_uring_prep_provide_buffers(sqe_for(PROVIDE), provided[first], BUFFER, count, GROUP, first);
}

static void receive(void)
{
    struct io_uring_sqe *sqe = sqe_for(RECEIVE);
    io_uring_prep_recv(sqe, peer, NULL, BUFFER, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
}

static void send_some(void)
{
    io_uring_prep_send(sqe_for(SEND), client, sent + out, BYTES - out, MSG_NOSIGNAL);
}

static void accept_more(void)
{
    io_uring_prep_multishot_accept(sqe_for(ACCEPT), listener, NULL, NULL, 0);
}

static void on_receive(const struct io_uring_cqe *cqe)
{
    CHECK(cqe->res > 0 || cqe->res == -ENOBUFS || cqe->res == -EAGAIN || cqe->res == -EINTR);
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        int id = (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        CHECK(id < BUFFERS);
        if (cqe->res > 0) {
            memcpy(received + in, provided[id], (size_t)cqe->res);
            in += (size_t)cqe->res;
        }
        provide(id, 1);
    }
    if (in < BYTES)
        receive();
}

static void dispatch(const struct io_uring_cqe *cqe)
{
    switch (cqe->user_data) {
    case ACCEPT:
        CHECK(cqe->res >= 0 || cqe->res == -EAGAIN || cqe->res == -EINTR || cqe->res == -ECANCELED);
        if (cqe->res >= 0 && peer < 0) {
            peer = cqe->res;
            receive();
        }
        if ((cqe->flags & IORING_CQE_F_MORE) == 0 && cqe->res != -ECANCELED)
            accept_more();
        break;
    case SEND:
        CHECK(cqe->res > 0 || cqe->res == -EAGAIN || cqe->res == -EINTR);
        out += cqe->res > 0 ? (size_t)cqe->res : 0;
        if (out < BYTES)
            send_some();
        break;
    case RECEIVE: on_receive(cqe); break;
    case PROVIDE: providing--; break;
    default: break;
    }
}

static void connect_both(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0 && client >= 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    CHECK(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
}

/* A cancel may come too late and the accept go on: then once more. */
static void stop_accepting(void)
{
    bool accepting = true;
    bool cancelling = false;
    while (accepting || cancelling) {
        if (!cancelling) {
            io_uring_prep_cancel64(sqe_for(TIMER), ACCEPT, 0);
            submit_all(&ring);
            cancelling = true;
        }
        struct io_uring_cqe *cqe = next_cqe(&ring);
        if (cqe->user_data == ACCEPT && (cqe->flags & IORING_CQE_F_MORE) == 0)
            accepting = false;
        if (cqe->user_data == TIMER)
            cancelling = false;
        io_uring_cqe_seen(&ring, cqe);
    }
}

int main(void)
{
    struct __kernel_timespec soon = {.tv_nsec = 2000000};
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (unsigned char)(i % 251);
    connect_both();
    open_ring(&ring, 32, 0);
    provide(0, BUFFERS);
    accept_more();
    send_some();
    submit_all(&ring);
    while (in < BYTES || out < BYTES || providing > 0) {
        struct io_uring_cqe *cqe = next_cqe(&ring);
        struct io_uring_cqe copy = *cqe;
        io_uring_cqe_seen(&ring, cqe);
        dispatch(&copy);
        submit_all(&ring);
    }
    CHECK(memcmp(sent, received, BYTES) == 0);
    stop_accepting();
    io_uring_prep_timeout(sqe_for(TIMER), &soon, 0, 0);
    submit_all(&ring);
    for (;;) {
        struct io_uring_cqe *cqe = next_cqe(&ring);
        bool over = cqe->user_data == TIMER;
        CHECK(!over || cqe->res == -ETIME);
        io_uring_cqe_seen(&ring, cqe);
        if (over)
            break;
    }
    io_uring_queue_exit(&ring);
    return 0;
}
