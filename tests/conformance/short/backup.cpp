#include <iostream>
#include <wmlb.hpp>

int main(int argc, char **argv)
{
    wmlb::restorer restorer;
    restorer.set_store_path(argv[1]);
    restorer.set_backup_path(argv[2]);
    wmlb::queue queue;
    queue.backup(restorer);
    bool saved = false;
    while (auto event = queue.next()) {
        std::cout << wmlb_status_name(static_cast<int>(event->status())) << '\n';
        saved = !event->code();
        if (argc > 3)
            queue.cancel();
    }
    return saved ? 0 : 1;
}
