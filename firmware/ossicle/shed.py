# Imported once the app is made. In the build it lets go of the methods that are marked @passing.
