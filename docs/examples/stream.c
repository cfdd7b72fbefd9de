/*
 * Bytes in order over a ring: a question and its answer over a socket stream, in the blocking and in the poll-style form.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <safer_ring.h>

/* The other side, in its own words: reads a line by polling, and answers it in capitals. 0 when it is done. */
struct answerer {
    char line[64];
    size_t heard;
    bool answered;
};

static int poll_answerer(struct answerer *it, struct sr_stream *stream)
{
    while (it->heard == 0 || it->line[it->heard - 1] != '\n') {
        size_t count;
        int rc = sr_stream_poll_read(stream, it->line + it->heard, sizeof it->line - it->heard, &count);
        if (rc != 0)
            return rc;
        if (count == 0)
            return -ENODATA;
        it->heard += count;
    }
    if (!it->answered) {
        for (size_t i = 0; i < it->heard; i++)
            if (it->line[i] >= 'a' && it->line[i] <= 'z')
                it->line[i] = (char)(it->line[i] - 'a' + 'A');
        size_t count;
        int rc = sr_stream_poll_write(stream, it->line, it->heard, &count);
        if (rc != 0)
            return rc;
        it->answered = count == it->heard; /* a line fits into a stream's buffer */
    }
    return sr_stream_poll_flush(stream, NULL);
}

static int talk(struct sr_ring *ring, struct sr_stream *asks, struct sr_stream *answers)
{
    static const char question[] = "what do you say?\n";
    struct answerer answerer = {.heard = 0};
    char answer[sizeof question] = "";
    int rc = sr_stream_write_all(asks, question, sizeof question - 1, NULL);
    if (rc != 0)
        return rc;
    while ((rc = poll_answerer(&answerer, answers)) == SR_EOPERATION_PENDING) {
        rc = sr_ring_dispatch(ring, NULL); /* an event loop calls it when sr_ring_pollable_fd() is readable */
        if (rc != 0)
            return rc;
    }
    if (rc == 0)
        rc = sr_stream_read_exact(asks, answer, sizeof question - 1, NULL);
    if (rc == 0)
        printf("%s", answer);
    return rc != 0 ? rc : strcmp(answer, "WHAT DO YOU SAY?\n");
}

/* Flushes and closes; what can't be flushed is given up. The descriptor goes with the stream. */
static void end(struct sr_stream **stream) SR_TAKES(*stream)
{
    if (sr_stream_close(stream, NULL) != 0) {
        if (sr_stream_drop(stream) != 0)
            abort();
    }
}

static int converse(struct sr_ring *ring, const int ends[2])
{
    struct sr_stream *asks;
    struct sr_stream *answers;
    int rc = sr_socket(ring, ends[0], NULL, &asks);
    if (rc != 0)
        return rc;
    rc = sr_socket(ring, ends[1], NULL, &answers);
    if (rc == 0) {
        rc = talk(ring, asks, answers);
        end(&answers);
    }
    end(&asks);
    return rc;
}

int main(void)
{
    struct sr_ring *ring;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 || sr_ring_open(&ring, 8) != 0)
        return 77;
    int rc = converse(ring, ends);
    if (rc != 0)
        fprintf(stderr, "%s\n", sr_strerror(rc));
    return sr_ring_close(&ring) != 0 || rc != 0;
}
