import sys
import wmlb

with wmlb.Restorer(sys.argv[1]) as restorer:
    def on_event(event):
        print(event.status.name)
        if sys.argv[3:]:
            restorer.cancel()

    try:
        restorer.backup(sys.argv[2], on_event=on_event)
    except wmlb.CanceledError:
        sys.exit(1)
