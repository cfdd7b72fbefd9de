/*
 * What this machine has, as far as rings care: probed, never guessed.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "backend/uring_call.h"
#include "safer_ring/config.h"

#define PROBE_ENTRIES 2
#define PROBED_OPERATIONS 256

static int try_setup(uint32_t flags, struct io_uring_params *params)
{
    memset(params, 0, sizeof *params);
    params->flags = flags;
    return sri_uring_setup(PROBE_ENTRIES, params);
}

static void probe_operations(int ring, struct sr_system *system)
{
    _Alignas(8) unsigned char
        memory[sizeof(struct io_uring_probe) + PROBED_OPERATIONS * sizeof(struct io_uring_probe_op)];
    struct io_uring_probe *answer = (struct io_uring_probe *)(void *)memory;
    memset(memory, 0, sizeof memory);
    if (sri_uring_register(ring, IORING_REGISTER_PROBE, answer, PROBED_OPERATIONS) < 0)
        return;
    for (unsigned i = 0; i < answer->ops_len && i < PROBED_OPERATIONS; i++)
        if ((answer->ops[i].flags & IO_URING_OP_SUPPORTED) != 0)
            system->operations[answer->ops[i].op / 64] |= UINT64_C(1) << answer->ops[i].op % 64;
}

/* Each with the flags it can't be without. */
static void probe_setup_flags(struct sr_system *system)
{
    static const struct {
        uint32_t flag;
        uint32_t with;
    } flags[] = {
        {IORING_SETUP_SUBMIT_ALL, 0},    {IORING_SETUP_COOP_TASKRUN, 0},
        {IORING_SETUP_SINGLE_ISSUER, 0}, {IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER},
        {IORING_SETUP_SQPOLL, 0},        {IORING_SETUP_R_DISABLED, 0},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        struct io_uring_params params;
        int ring = try_setup(flags[i].flag | flags[i].with, &params);
        if (ring < 0)
            continue;
        system->setup_flags |= flags[i].flag;
        close(ring);
    }
}

static void probe_uring(struct sr_system *system)
{
    struct io_uring_params params;
    int ring = try_setup(0, &params);
    system->io_uring = ring < 0 ? ring : 0;
    if (ring < 0)
        return;
    system->features = params.features;
    probe_operations(ring, system);
    close(ring);
    probe_setup_flags(system);
}

static uint32_t count_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (uint32_t)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

static uint32_t count_nodes(void)
{
    uint32_t count = 0;
    DIR *nodes = opendir("/sys/devices/system/node");
    if (nodes == NULL)
        return 1; /* a kernel without NUMA */
    for (struct dirent *entry; (entry = readdir(nodes)) != NULL;)
        count += strncmp(entry->d_name, "node", 4) == 0 && entry->d_name[4] >= '0' && entry->d_name[4] <= '9';
    closedir(nodes);
    return count > 0 ? count : 1;
}

static uint64_t limit_of(__rlimit_resource_t resource)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur;
}

int sr_system_probe(struct sr_system *system)
{
    if (system == NULL)
        return -EINVAL;
    memset(system, 0, sizeof *system);
    probe_uring(system);
    struct sysinfo memory;
    if (sysinfo(&memory) == 0)
        system->memory_bytes = (uint64_t)memory.totalram * memory.mem_unit;
    system->cpus = count_cpus();
    system->numa_nodes = count_nodes();
    system->lockable_bytes = limit_of(RLIMIT_MEMLOCK);
    system->descriptors = limit_of(RLIMIT_NOFILE);
    return 0;
}
