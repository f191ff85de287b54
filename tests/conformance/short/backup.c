#include <stdio.h>
#include <wmlb.h>

int main(int argc, char **argv)
{
    wmlb_queue *queue;
    wmlb_event event = {sizeof event, 0, 0, 0, NULL, 0};
    if (WMLB_FAILED(wmlb_queue_create(&queue)) || WMLB_FAILED(wmlb_set_store_path(argv[1])) ||
        WMLB_FAILED(wmlb_set_backup_path(argv[2])) ||
        WMLB_FAILED(wmlb_backup_licenses(0, wmlb_queue_push, queue)))
        return 1;
    while (wmlb_queue_next(queue, UINT32_MAX, &event) == WMLB_S_OK) {
        printf("%s\n", wmlb_status_name(event.status));
        if (argc > 3)
            wmlb_queue_cancel(queue);
    }
    return WMLB_FAILED(event.hr);
}
