# What is marked @rare asks for memory at each call, as it does in the build, where its code is
# fetched for it: under heap_lock() a call fails.
import sys


class Marks:
    @staticmethod
    def rare(group):
        def mark(function):
            def call(*arguments):
                bytearray(64)
                return function(*arguments)

            return call

        return mark

    @staticmethod
    def passing(function):
        return function


sys.modules["ossicle.rare"] = Marks
