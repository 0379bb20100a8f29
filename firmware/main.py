# Ossicle: finds ossicle/loader.py, which does all else, in the version that is known to run: the first
# letter of /firmware/slot. Where that is not whole any other does, and where there is no /firmware,
# what lies beside this file. What stands here stays in memory while the firmware runs.
import micropython
import sys

app = error = None
places = [""]
if sys.platform == "esp32":
    micropython.kbd_intr(-1)  # a host on this line may say a 03; boards/esp32.py has Ctrl-C back
    sys.path.insert(0, "")
    places = ["/firmware/a", "/firmware/b", ""]
    try:
        with open("/firmware/slot") as file:
            places.insert(0, "/firmware/" + file.read(1))
    except (OSError, ValueError):
        pass
for path in places:
    if len(places) > 1:
        sys.path[0] = path
    try:
        from ossicle import loader
    except Exception as raised:
        error = error or raised
        sys.modules.pop("ossicle", None)
    else:
        app = loader.load(path)
        loader = error = None
        break
if error:
    micropython.kbd_intr(3)
    sys.print_exception(error)
    print("ossicle: the firmware is not whole: %r" % error)
if app:
    app.live()
