# wapiti as Debian 12 has it (3.0.4): its -x writes a pattern that Python 3.11 no longer reads.
import fnmatch
import re

import wapitiCore.net.crawler
from wapitiCore.main.wapiti import wapiti_main

wapitiCore.net.crawler.wildcard_translate = lambda pattern: re.compile(fnmatch.translate(pattern))
wapiti_main()
