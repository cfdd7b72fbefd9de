/*
 * Names and sentences of status codes. One table for the library's own; the system's come from the C library.
 */
#define _GNU_SOURCE /* strerrorname_np */

#include <stddef.h>
#include <string.h>

#include "safer_ring/error.h"

struct code {
    const char *name;
    const char *text;
};

#define FIRST_CODE SR_EBUFFER_IN_FLIGHT
#define LAST_CODE SR_EQUEUE_FULL
#define CODE(code, text) [FIRST_CODE - (code)] = {#code, text}

static const struct code codes[] = {
    CODE(SR_EBUFFER_IN_FLIGHT,
         "the buffer is not the caller's: the kernel, a guard, a completion or a pool has it"),
    CODE(SR_EOPERATION_PENDING, "the operation has not completed yet"),
    CODE(SR_EOPERATIONS_IN_FLIGHT, "the ring still has operations in flight"),
    CODE(SR_ENOT_REGISTERED, "the file or buffer slot is not registered"),
    CODE(SR_EPOOL_EMPTY, "every buffer of the pool is in use"),
    CODE(SR_EINVALID_STATE, "not allowed in the present state, or inside a callback"),
    CODE(SR_ESTALE, "the handle's operation has ended, or never was one of this ring"),
    CODE(SR_ERING_BORROWED, "a borrowing call is pending on the ring"),
    CODE(SR_EWRONG_THREAD, "the ring belongs to another thread: use it there, or post to it (sr_ring_post)"),
    CODE(SR_EWRONG_PROCESS, "the ring belongs to the parent process: a child opens one of its own"),
    CODE(SR_ECYCLE, "the dependency would close a cycle"),
    CODE(SR_EFOREIGN, "the object belongs to another pool or ring"),
    CODE(SR_ENOTHING_IN_FLIGHT, "nothing in flight could end the wait"),
    CODE(SR_EBATCH_EMPTY, "the batch has no operation"),
    CODE(SR_EQUEUE_FULL, "completions must be taken first: the ring's queue of them is full"),
};

static const struct code *own_code(int code)
{
    return code <= FIRST_CODE && code >= LAST_CODE ? &codes[FIRST_CODE - code] : NULL;
}

const char *sr_err_name(int code)
{
    const struct code *own = own_code(code);
    if (own != NULL)
        return own->name;
    if (code == 0)
        return "OK";
    const char *name = code < 0 && code >= -4095 ? strerrorname_np(-code) : NULL;
    return name != NULL ? name : "unknown";
}

const char *sr_strerror(int code)
{
    const struct code *own = own_code(code);
    if (own != NULL)
        return own->text;
    if (code == 0)
        return "success";
    const char *text = code < 0 && code >= -4095 ? strerrordesc_np(-code) : NULL;
    return text != NULL ? text : "unknown status code";
}
