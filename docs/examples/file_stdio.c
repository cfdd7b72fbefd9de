/*
 * A FILE * over a ring: stdio's own calls, the ring's kernel below. Here the simulated one, so that the file is in memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <safer_ring.h>
#include <safer_ring/sim.h>

static int write_and_count(FILE *file)
{
    char line[32];
    int lines = 0;
    for (int i = 1; i <= 100; i++)
        fprintf(file, "%d squared is %d\n", i, i * i);
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL)
        lines++;
    printf("%d lines, the last is: %s", lines, line);
    return lines == 100 && strcmp(line, "100 squared is 10000\n") == 0 ? 0 : 1;
}

int main(void)
{
    struct sr_sim *sim;
    struct sr_ring *ring;
    struct sr_stream *stream;
    FILE *file;
    int fd;
    if (sr_sim_new(&sim, NULL) != 0 || sr_sim_file(sim, "/squares", "", 0) != 0 ||
        sr_sim_open(sim, "/squares", O_RDWR, &fd) != 0 || sr_sim_ring_open(sim, &ring, 8) != 0)
        return 1;
    if (sr_file(ring, fd, NULL, &stream) != 0)
        return 1;
    if (sr_stream_fopen(&stream, "w+", &file) != 0)
        return sr_stream_close(&stream, NULL) != 0;
    int failed = write_and_count(file);
    if (fclose(file) != 0) /* closes the stream, and with it the descriptor */
        failed = 1;
    if (sr_ring_close(&ring) != 0)
        return 1;
    sr_sim_free(&sim);
    return failed;
}
