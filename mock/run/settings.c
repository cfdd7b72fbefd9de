/*
 * The folder that the command prepared: settings and policy are read from it, the page of counts is made in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/agent.h"
#include "run/steps.h"

#define TEXT_MOST 65536
#define PROGRAMS 100000 /* one after the other, in one process */

static int read_file(const struct sri_agent *agent, const char *name, char *text, size_t size)
{
    char path[SRI_RUN_TEXT + 40];
    snprintf(path, sizeof path, "%s/%s", agent->folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t length = 0;
    ssize_t rc;
    while (length < size - 1 && (rc = read(fd, text + length, size - 1 - length)) > 0)
        length += (size_t)rc;
    text[length] = 0;
    (void)syscall(SYS_close, fd);
    return 0;
}

static void read_setting(struct sri_agent *agent, const char *name, const char *value)
{
    uint64_t number = strtoull(value, NULL, 10);
    if (strcmp(name, "seed") == 0) {
        agent->seeded = true;
        agent->seed = number;
    } else if (strcmp(name, "tape") == 0) {
        agent->seeded = true;
        snprintf(agent->tape, sizeof agent->tape, "%s", value);
    } else if (strcmp(name, "detect") == 0) {
        agent->detects = number != 0;
    } else if (strcmp(name, "trap") == 0) {
        agent->traps = number != 0;
    } else if (strcmp(name, "draw") == 0) {
        agent->draws = number != 0;
    } else if (strcmp(name, "stall-ms") == 0) {
        agent->stall_ms = number;
    }
}

int sri_agent_read_settings(struct sri_agent *agent)
{
    static char text[TEXT_MOST];
    int rc = read_file(agent, SRI_RUN_SETTINGS, text, sizeof text);
    if (rc != 0)
        return rc;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        char *value = strchr(line, ' ');
        if (value == NULL)
            continue;
        *value = 0;
        read_setting(agent, line, value + 1);
    }
    if (read_file(agent, SRI_RUN_POLICY, text, sizeof text) != 0)
        return 0;
    struct sri_policy_error ignored;
    return sri_policy_read(&agent->policy, text, &ignored);
}

void sri_agent_policy_knob(const struct sri_agent *agent, char *knob, size_t size)
{
    static char text[TEXT_MOST];
    knob[0] = 0;
    if (read_file(agent, SRI_RUN_POLICY, text, sizeof text) != 0 || strchr(text, SRI_RUN_LINE_END) != NULL ||
        strlen(text) + sizeof SRI_RUN_POLICY_KNOB + 1 >= size)
        return;
    for (char *c = strchr(text, '\n'); c != NULL; c = strchr(c, '\n'))
        *c = SRI_RUN_LINE_END;
    snprintf(knob, size, SRI_RUN_POLICY_KNOB "%s\n", text);
}

static void name_program(struct sri_run_page *page)
{
    char path[256];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return;
    path[length] = 0;
    const char *base = strrchr(path, '/');
    snprintf(page->program, sizeof page->program, "%.63s", base != NULL ? base + 1 : path);
}

void *sri_agent_map_own(const struct sri_agent *agent, const char *kind, size_t size)
{
    char path[SRI_RUN_TEXT + 40];
    int fd = -1;
    for (int i = 0; i < PROGRAMS && fd < 0; i++) {
        snprintf(path, sizeof path, "%s/%d.%d%s", agent->folder, (int)getpid(), i, kind);
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        return NULL;
    void *memory = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) == 0)
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    int saved = errno;
    (void)syscall(SYS_close, fd);
    errno = saved;
    return memory == MAP_FAILED ? NULL : memory;
}

int sri_agent_open_page(struct sri_agent *agent)
{
    struct sri_run_page *page = sri_agent_map_own(agent, ".page", sizeof *page);
    int rc;
    if (page == NULL)
        return -errno;
    agent->page = page;
    agent->page->magic = SRI_RUN_MAGIC;
    agent->page->pid = (int32_t)getpid();
    agent->page->parent = (int32_t)getppid();
    agent->page->seeded = agent->seeded;
    agent->page->seed = agent->seed;
    name_program(agent->page);
    if (agent->draws && (rc = sri_steps_open(agent)) != 0)
        sri_agent_environment("its steps can't be kept: %s", strerror(-rc));
    return 0;
}
