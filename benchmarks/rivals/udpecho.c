/* An echo with nothing to spare, one datagram at a time: what the kernel takes. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    static char data[65536];
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};

    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(udp, (struct sockaddr *)&own, sizeof own))
        return 1;
    epoll_ctl(poll, EPOLL_CTL_ADD, udp, &event);
    for (;;) {
        epoll_wait(poll, &event, 1, -1);
        for (;;) {
            struct sockaddr_storage peer;
            socklen_t length = sizeof peer;
            ssize_t size = recvfrom(udp, data, sizeof data, 0, (struct sockaddr *)&peer, &length);
            if (size < 0)
                break;
            sendto(udp, data, size, 0, (struct sockaddr *)&peer, length);
        }
    }
}
