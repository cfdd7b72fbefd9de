/*
 * The clients: one thread on the processor of the server (a wake-up across virtual processors costs more than the echo),
 * with a liburing ring of its own, one message of 64 bytes under way on each connection.
 */
#include "echo.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    bool receiving;
    uint32_t moved;
    char bytes[ECHO_BYTES];
};

struct echo_clients {
    struct io_uring ring;
    pthread_t thread;
    uint64_t messages;
    int outcome;
    uint32_t count;
    struct client clients[];
};

static int tcp_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int one = 1;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair[1] = -1;
    if (listening >= 0 && pair[0] >= 0 && bind(listening, (struct sockaddr *)&address, length) == 0 &&
        listen(listening, 1) == 0 && getsockname(listening, (struct sockaddr *)&address, &length) == 0 &&
        connect(pair[0], (struct sockaddr *)&address, length) == 0)
        pair[1] = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    int rc = pair[1] >= 0 ? 0 : -errno;
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 ? 0 : -errno;
    close(listening);
    if (rc != 0) {
        close(pair[0]);
        close(pair[1]);
    }
    return rc;
}

static int unix_pair(int pair[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 ? 0 : -errno;
}

int echo_connect(uint32_t count, bool tcp, int servers[], struct echo_clients **out)
{
    struct echo_clients *clients = calloc(1, sizeof *clients + count * sizeof clients->clients[0]);
    if (clients == NULL)
        return -ENOMEM;
    int rc = io_uring_queue_init(count, &clients->ring, 0);
    if (rc != 0) {
        free(clients);
        return rc;
    }
    for (; clients->count < count; clients->count++) {
        int pair[2];
        rc = tcp ? tcp_pair(pair) : unix_pair(pair);
        if (rc != 0)
            break;
        clients->clients[clients->count].fd = pair[0];
        servers[clients->count] = pair[1];
    }
    if (rc != 0) {
        for (uint32_t i = 0; i < clients->count; i++)
            close(servers[i]);
        echo_disconnect(clients);
        return rc;
    }
    *out = clients;
    return 0;
}

static void start(struct echo_clients *clients, struct client *client)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&clients->ring);
    char *bytes = client->bytes + client->moved;
    size_t length = ECHO_BYTES - client->moved;
    if (client->receiving)
        io_uring_prep_recv(sqe, client->fd, bytes, length, 0);
    else
        io_uring_prep_send(sqe, client->fd, bytes, length, 0);
    io_uring_sqe_set_data(sqe, client);
}

static void begin_message(struct echo_clients *clients, struct client *client, uint64_t number)
{
    memset(client->bytes, 0, sizeof client->bytes);
    memcpy(client->bytes, &number, sizeof number);
    client->receiving = false;
    client->moved = 0;
    start(clients, client);
}

/* true: the message came back. */
static bool advance(struct client *client, int32_t count)
{
    client->moved += (uint32_t)count;
    if (client->moved < ECHO_BYTES)
        return false;
    client->moved = 0;
    if (client->receiving)
        return true;
    client->receiving = true;
    return false;
}

static int talk(struct echo_clients *clients)
{
    uint64_t sent = 0;
    uint64_t echoed = 0;
    for (; sent < clients->messages && sent < clients->count; sent++)
        begin_message(clients, &clients->clients[sent], sent);
    while (echoed < clients->messages) {
        int rc = io_uring_submit_and_wait(&clients->ring, 1);
        if (rc < 0 && rc != -EINTR)
            return rc;
        struct io_uring_cqe *cqe;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&clients->ring, head, cqe)
        {
            struct client *client = io_uring_cqe_get_data(cqe);
            count++;
            if (cqe->res <= 0)
                return cqe->res < 0 ? cqe->res : -EIO;
            if (!advance(client, cqe->res)) {
                start(clients, client);
                continue;
            }
            echoed++;
            if (sent < clients->messages)
                begin_message(clients, client, sent++);
        }
        io_uring_cq_advance(&clients->ring, count);
    }
    return 0;
}

static void *talk_in_thread(void *argument)
{
    struct echo_clients *clients = argument;
    clients->outcome = talk(clients);
    return NULL;
}

int echo_begin(struct echo_clients *clients, uint64_t messages)
{
    clients->messages = messages;
    return -pthread_create(&clients->thread, NULL, talk_in_thread, clients);
}

int echo_end(struct echo_clients *clients)
{
    pthread_join(clients->thread, NULL);
    return clients->outcome;
}

void echo_disconnect(struct echo_clients *clients)
{
    for (uint32_t i = 0; i < clients->count; i++)
        close(clients->clients[i].fd);
    io_uring_queue_exit(&clients->ring);
    free(clients);
}
