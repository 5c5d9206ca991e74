/* The server as close to the kernel as a program gets: one epoll, no features, no lingering. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 65536, LONGEST = 4096 };
static struct session { char *line; int held; } sessions[MOST];

static void answer(int fd, struct session *session)
{
    char *from = session->line, *to = memchr(from, '\n', session->held), words[64];
    int counted = 0;
    while (from < to && strchr(" \t\r", *from)) from++;
    while (from < to && strchr(" \t\r", to[-1])) to--;
    for (; from < to; from++) counted += (*from & 0xC0) != 0x80;
    int length = sprintf(words, "You entered %d characters.\n", counted);
    send(fd, words, length, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
    int on = 1, listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listening }, events[256];
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&here, sizeof here) || listen(listening, 1024)) return 1;
    epoll_ctl(poll, EPOLL_CTL_ADD, listening, &event);
    for (;;) {
        int many = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < many; i++) {
            int fd = events[i].data.fd;
            if (fd == listening) {
                struct sockaddr_in peer;
                socklen_t size = sizeof peer;
                while ((fd = accept4(listening, (struct sockaddr *)&peer, &size,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                    char words[96], host[INET_ADDRSTRLEN];
                    inet_ntop(AF_INET, &peer.sin_addr, host, sizeof host);
                    int length = sprintf(words, "Welcome, ('%s', %d)\nPlease enter a string: ",
                                         host, ntohs(peer.sin_port));
                    if (fd >= MOST) { close(fd); continue; }
                    sessions[fd].held = 0;
                    send(fd, words, length, MSG_NOSIGNAL);
                    event.events = EPOLLIN, event.data.fd = fd;
                    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
                }
                continue;
            }
            struct session *session = &sessions[fd];
            if (!session->line) session->line = malloc(LONGEST);
            int got = recv(fd, session->line + session->held, LONGEST - session->held, 0);
            if (got <= 0) { close(fd); continue; }
            session->held += got;
            if (memchr(session->line, '\n', session->held)) {
                answer(fd, session);
                close(fd);
            }
        }
    }
}
