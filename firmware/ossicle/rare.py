# The mark of a function that runs seldom and may allocate: opening, joining, HELLO, START, what is
# said of a failure. In the build the functions of a group are a module `ossicle.<group>`, which
# is imported for each call from outside it and dropped behind that, so they cost the heap
# nothing while audio flows (host/ossicle/board/overlay.py). A method that runs at boot only is
# marked @passing: the build lets go of it behind that (shed.py). In the sources both mean nothing.
def rare(group):
    return _itself


def _itself(function):
    return function


def passing(function):
    return function
