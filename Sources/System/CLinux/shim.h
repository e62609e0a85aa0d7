#pragma once
#include <fts.h>
#include <pthread.h>
#include <pty.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

/* glibc hides these behind _GNU_SOURCE, which the Swift importer does not define. */
int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
int pipe2(int descriptors[2], int flags);
int pthread_setname_np(pthread_t thread, const char *name);
const char *strerrordesc_np(int number);
int unshare(int flags);
