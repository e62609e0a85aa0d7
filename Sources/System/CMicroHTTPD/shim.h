#pragma once
#include <microhttpd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* What the library says: its last words while it starts, and later, on a worker, that it refuses a request alone. */
struct cmicrohttpd_log {
    int has_started;
    char text[512];
    void (*refuses)(void *context, unsigned int status);
    void *context;
};

/* Swift functions cannot take a va_list. */
static inline void cmicrohttpd_note(void *log, const char *format, va_list arguments) {
    struct cmicrohttpd_log *kept = (struct cmicrohttpd_log *)log;
    static const char refusal[] = "Error processing request (HTTP response code is %u";
    if (!__atomic_load_n(&kept->has_started, __ATOMIC_RELAXED))
        vsnprintf(kept->text, sizeof kept->text, format, arguments);
    else if (!strncmp(format, refusal, sizeof refusal - 1))
        kept->refuses(kept->context, va_arg(arguments, unsigned int));
}

static inline void cmicrohttpd_note_start(struct cmicrohttpd_log *log) {
    __atomic_store_n(&log->has_started, 1, __ATOMIC_RELAXED);
}

/* Swift cannot call variadic functions: options go as one array. The logger comes first, to hear of the others. */
static inline struct MHD_Daemon *cmicrohttpd_start(
    unsigned int flags, MHD_AccessHandlerCallback handler, void *context, struct cmicrohttpd_log *log,
    struct MHD_OptionItem *options) {
    return MHD_start_daemon(flags, 0, NULL, NULL, handler, context, MHD_OPTION_EXTERNAL_LOGGER, &cmicrohttpd_note, log,
                            MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/* MHD_get_connection_info is variadic too. */
static inline void *cmicrohttpd_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static inline int cmicrohttpd_descriptor(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static inline const struct sockaddr *cmicrohttpd_peer(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

static inline size_t cmicrohttpd_header_size(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

/* glibc hides it behind _GNU_SOURCE, which the Swift importer does not define. */
int accept4(int socket, struct sockaddr *address, socklen_t *length, int flags);

/* ioctl and fcntl are variadic, and what the Glibc module has in their place is Swift code, which needs a newer C library. */
static inline int cmicrohttpd_unblock(int socket) {
    int on = 1;
    return ioctl(socket, FIONBIO, &on);
}

/* Seccomp compares all 64 bits of an argument (RestrictAddressFamilies=), and a caller may leave in the upper half of an int's
   register what it likes, as optimized code does: here they are extended. */
static inline int cmicrohttpd_socket(int family, int type) {
    return (int)syscall(SYS_socket, (long)family, (long)type, 0L);
}
