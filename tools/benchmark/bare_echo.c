/* The least that answers over vsock as PID 1: loads the image's modules, listens on port 1001, and
   sends back what comes. What a machine takes from its restore until this answers is the floor for
   every server. */
#define _GNU_SOURCE /* accept4 */
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void load_modules(void) {
    char path[256];
    FILE* const list = fopen("/etc/rouse/modules", "re");
    if (list == NULL) return; /* a kernel that needs none */
    while (fgets(path, sizeof path, list) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        const int module = open(path, O_RDONLY | O_CLOEXEC);
        if (module < 0) continue;
        (void)syscall(SYS_finit_module, module, "", 0); /* without it nobody will be answered */
        close(module);
    }
    fclose(list);
}

static void echo(int client) {
    char bytes[4096];
    ssize_t count = 0;
    while ((count = read(client, bytes, sizeof bytes)) > 0)
        if (write(client, bytes, (size_t)count) != count) break;
    close(client);
}

int main(void) {
    static const char line[] = "rouse: READY\n";
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = 1001};
    load_modules();
    const int listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (const struct sockaddr*)&address, sizeof address) != 0) return 1;
    if (listen(listener, 16) != 0) return 1;
    if (write(STDOUT_FILENO, line, sizeof line - 1) < 0) return 1;
    for (;;) {
        const int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0) echo(client);
    }
}
