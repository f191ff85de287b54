/*
 * Backs up a license store from a window: GTK's main loop polls the queue's descriptor, so that
 * everything happens on the one thread that may touch widgets. Cancel, closing the window and
 * Ctrl-C cancel the backup; the program ends when that has ended.
 *
 *     gtk_backup STORE FOLDER
 *
 * Exit codes: 0 saved; 1 failed or canceled; 64 wrong arguments.
 */
#include <glib-unix.h>
#include <gtk/gtk.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <wmlb.h>

typedef struct window {
    GtkWidget *bar;
    wmlb_queue *queue;
    wmlb_hresult result;
} window;

static gboolean cancel(gpointer of)
{
    wmlb_queue_cancel(((window *)of)->queue);
    return G_SOURCE_CONTINUE;
}

static void on_cancel(GtkButton *button, gpointer of)
{
    (void)button;
    cancel(of);
}

/* The window stays until the last event, which the cancel brings about. */
static gboolean on_delete(GtkWidget *widget, GdkEvent *event, gpointer of)
{
    (void)widget;
    (void)event;
    cancel(of);
    return TRUE;
}

static void show(window *own, const wmlb_event *event)
{
    wmlb_progress told;
    char words[64];

    own->result = event->hr; /* that of the last one stays */
    if (event->status == WMLB_STATUS_ERROR) {
        g_printerr("gtk_backup: %s\n", (const char *)event->value);
    } else if (event->status == WMLB_STATUS_PROGRESS) {
        memcpy(&told, event->value, sizeof told);
        g_snprintf(words, sizeof words, "%" PRIu64 " licenses", told.licenses_done);
        gtk_progress_bar_set_text(GTK_PROGRESS_BAR(own->bar), words);
        if (told.bytes_total != 0)
            gtk_progress_bar_set_fraction(GTK_PROGRESS_BAR(own->bar),
                                          (double)told.bytes_done / (double)told.bytes_total);
        else
            gtk_progress_bar_pulse(GTK_PROGRESS_BAR(own->bar));
    }
}

/* The queue's descriptor is readable: fetches what there is. */
static gboolean on_events(gint fd, GIOCondition condition, gpointer of)
{
    window *own = of;
    wmlb_event event = {0};
    wmlb_hresult hr;

    (void)fd;
    (void)condition;
    event.struct_size = sizeof event;
    while ((hr = wmlb_queue_next(own->queue, 0, &event)) == WMLB_S_OK)
        show(own, &event);
    if (hr == WMLB_E_TIMEOUT)
        return G_SOURCE_CONTINUE;
    gtk_main_quit();
    return G_SOURCE_REMOVE;
}

static void open_window(window *own)
{
    GtkWidget *top = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12);
    GtkWidget *button = gtk_button_new_with_label("Cancel");

    own->bar = gtk_progress_bar_new();
    gtk_progress_bar_set_show_text(GTK_PROGRESS_BAR(own->bar), TRUE);
    gtk_window_set_title(GTK_WINDOW(top), "License backup");
    gtk_window_set_default_size(GTK_WINDOW(top), 320, -1);
    gtk_container_set_border_width(GTK_CONTAINER(top), 12);
    gtk_container_add(GTK_CONTAINER(top), box);
    gtk_container_add(GTK_CONTAINER(box), own->bar);
    gtk_container_add(GTK_CONTAINER(box), button);
    g_signal_connect(button, "clicked", G_CALLBACK(on_cancel), own);
    g_signal_connect(top, "delete-event", G_CALLBACK(on_delete), own);
    g_unix_signal_add(SIGINT, cancel, own);
    gtk_widget_show_all(top);
}

int main(int argc, char **argv)
{
    window own = {NULL, NULL, WMLB_E_FAIL};
    wmlb_hresult hr;
    int32_t fd = -1;

    gtk_init(&argc, &argv);
    if (argc != 3) {
        g_printerr("usage: gtk_backup STORE FOLDER\n");
        return 64;
    }
    hr = wmlb_queue_create(&own.queue);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_queue_fd(own.queue, &fd);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_set_store_path(argv[1]);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_set_backup_path(argv[2]);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_backup_licenses(0, wmlb_queue_push, own.queue);
    if (WMLB_SUCCEEDED(hr)) {
        open_window(&own);
        g_unix_fd_add(fd, G_IO_IN, on_events, &own);
        gtk_main();
        hr = own.result;
    } else {
        g_printerr("gtk_backup: %s\n", wmlb_hresult_message(hr));
    }
    wmlb_queue_release(own.queue);
    return WMLB_SUCCEEDED(hr) ? 0 : 1;
}
