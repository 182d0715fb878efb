"""The terminals of pyte's, without a mistake that ends the test.

pyte takes the sequence that restores modes, CSI ? r, for the one that sets margins, and then fails.
"""

import pyte


class Emulator(pyte.Screen):
    """A screen."""

    def set_margins(self, top: int | None = None, bottom: int | None = None, private: bool = False) -> None:
        if not private:
            super().set_margins(top, bottom)


class HistoryEmulator(pyte.HistoryScreen):
    """A screen with the rows that were scrolled off."""

    def set_margins(self, top: int | None = None, bottom: int | None = None, private: bool = False) -> None:
        if not private:
            super().set_margins(top, bottom)
