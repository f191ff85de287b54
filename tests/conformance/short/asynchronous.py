import asyncio
import sys
import wmlb

async def main(store, to, *stop):
    def on_event(event):
        print(event.status.name)
        if stop:
            task.cancel()

    task = asyncio.ensure_future(wmlb.backup_async(store, to, on_event=on_event))
    await task

try:
    asyncio.run(main(*sys.argv[1:]))
except asyncio.CancelledError:
    sys.exit(1)
