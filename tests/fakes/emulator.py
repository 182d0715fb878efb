"""The terminal of pyte's, without a mistake that ends the test."""

import pyte


class Emulator(pyte.Screen):
    """pyte takes the sequence that restores modes, CSI ? r, for the one that sets margins, and then fails."""

    def set_margins(self, top: int | None = None, bottom: int | None = None, private: bool = False) -> None:
        if not private:
            super().set_margins(top, bottom)
