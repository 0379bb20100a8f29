# Imported once the app is made. In the build it deletes the methods that are marked @passing.
