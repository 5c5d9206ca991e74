/* A Gopher server as fast as the kernel lets one be, for one folder: PORT FOLDER */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 16, LONGEST = 512 };

static void answer(int connection)
{
    char request[LONGEST];
    ssize_t held = 0;
    char *end = NULL;
    while (end == NULL && held < LONGEST) {
        ssize_t came = recv(connection, request + held, LONGEST - held, 0);
        if (came <= 0)
            return;
        held += came;
        end = memchr(request, '\r', held);
    }
    if (end == NULL || request[0] != '/')
        return;
    *end = '\0';
    int file = open(request + 1, O_RDONLY);
    if (file < 0)
        return;
    while (sendfile(connection, file, NULL, 1 << 20) > 0)
        ;
    close(file);
}

static void *serve(void *listening)
{
    for (;;) {
        int connection = accept(*(int *)listening, NULL, NULL);
        if (connection < 0)
            continue;
        answer(connection);
        close(connection);
    }
    return NULL;
}

int main(int count, char **words)
{
    int listening = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (count != 3 || chdir(words[2]))
        return 1;
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listening, (struct sockaddr *)&address, sizeof address) || listen(listening, 1024))
        return 1;
    pthread_t thread;
    for (int i = 1; i < THREADS; i++)
        pthread_create(&thread, NULL, serve, &listening);
    serve(&listening);
}
