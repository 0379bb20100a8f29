# What the supervisor of the emulated chip starts; see begin.py.

import begin

begin.main()
