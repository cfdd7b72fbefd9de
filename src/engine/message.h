/*
 * A message's name and control bytes: where they go in the program, and the block in the kernel's memory that holds them.
 */
#ifndef SRI_ENGINE_MESSAGE_H
#define SRI_ENGINE_MESSAGE_H

#include "engine/request.h"

/* The world sees the message, which stands first; or only its address, which stands first there. */
struct sri_name {
    struct sri_message message;
    void *to; /* the address */
    void *length_to;
    uint64_t header; /* RECVMSG: the program's msghdr */
    void *control_to;
};

/* Makes it the attempt's argument, with so many bytes for control messages behind it. NULL: no memory. */
struct sri_name *sri_name_new(struct sri_request *request, size_t control);

/* A destination: copied when the SQE is consumed. */
int sri_name_import(struct sri_request *request, uint64_t from, uint64_t length);

/* The program gets at most the room it gave. */
int sri_name_export(struct sri_user *user, const struct sri_name *name, socklen_t room);

#endif
