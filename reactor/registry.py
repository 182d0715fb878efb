"""The files that say who people are: opened before the server serves, and read again on SIGHUP.

Everything that cannot be used is an error at the start. A server that cannot know whom to let in lets nobody in. In a
cluster the register is in Redis, and the data folder keeps the certificate and the link alone.
"""

import dataclasses
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pylingo.reactor.chat.access import Store
from pylingo.reactor.config import ServerSettings
from pylingo.reactor.control import Answer, Control
from pylingo.reactor.engine.loop import Reactor
from pylingo.reactor.people.administration import NOT_STORED, administer
from pylingo.reactor.people.ban_file import read_bans
from pylingo.reactor.people.certificate import certificate_fingerprint, ensure_certificate
from pylingo.reactor.people.data_dir import DataDir, Stage, open_data_dir
from pylingo.reactor.people.link_file import read_link, write_link
from pylingo.reactor.people.members import NOBODY, Members, read_members
from pylingo.reactor.people.owned_names import Conflict
from pylingo.reactor.people.passwords import PasswordHash, read_password_file
from pylingo.reactor.people.register import Register
from pylingo.reactor.people.roster import Change
from pylingo.reactor.people.sanctions import Sanction
from pylingo.reactor.people.state_file import StateFile, damaged, lost, read_state, write_state
from pylingo.shared.address import parse_address
from pylingo.shared.launch import LaunchError
from pylingo.shared.link import Link, parse_link, show_link
from pylingo.shared.names import fold
from pylingo.shared.text import counted, quote
from pylingo.shared.value_class import value_class

logger = logging.getLogger(__name__)

_MOST_WARNINGS = 20  # log lines about lines of a members file


@value_class
class PeopleFiles:
    """The contents of the files that the server only reads: the members, the hash of the password, and bans."""

    members: Members
    password: PasswordHash | None
    bans: tuple[Sanction, ...] = ()


@dataclass(slots=True)
class Registry:
    """The register and the files behind it. `data` is None if there is no data folder: all is in memory then.

    `first_code` is the invitation of the first operator, at the first start with a data folder. It is valid once
    `write_first` has stored it.

    `shared` stores the register of a cluster, in place of the people file. `is_read` is False until the register of a
    cluster has everything: call `check_way_in` then.
    """

    register: Register
    data: DataDir | None = None
    password: PasswordHash | None = None
    first_code: str | None = None
    shared: Store | None = None
    is_read: bool = True
    changed: Callable[[], object] = lambda: None
    """Called after other members, bans or another password were read: somebody may have to leave."""
    _file: StateFile | None = None
    _control: Control | None = None

    @property
    def locks(self) -> list[int]:
        """The descriptors of the lock of the data folder: none without a folder."""
        return self.data.locks if self.data is not None else []

    def attach(self, reactor: Reactor) -> None:
        """Write the file from now on, if there is a data folder, and answer the commands of the administrator."""
        if self.data is None:
            return
        if self.is_read:
            self._file = StateFile(self.data.people, reactor.call_from_thread, reactor.call_later)
        try:
            self._control = Control(reactor, self.data.control, self.answer)
        except OSError as error:
            words = "pylingo-server invite and release work only while the server is stopped"
            logger.warning("cannot make the socket %s: %s; %s", self.data.control, error.strerror or error, words)

    def close(self, timeout: float) -> None:
        """Store what is not stored yet, within `timeout` seconds. Call it after the loop."""
        if self._control is not None:
            self._control.close()
            self._control = None  # or a second call would remove the socket of a successor
        if self._file is not None:
            self._file.close(timeout)
            self._file = None

    def store(self, change: Change, stored: Callable[[bool], object]) -> None:
        """Store the register with `change`, which is committed then, or undone if that fails. Tell `stored` which."""

        def done(is_stored: bool) -> None:
            (change.commit if is_stored else change.undo)()
            stored(is_stored)

        if self.shared is not None:
            self.shared(change, stored)
        elif self._file is None:
            done(True)
        else:
            self._file.save(self.register.to_state, done)

    def apply(self, settings: ServerSettings, files: PeopleFiles) -> None:
        """Take over what was read again. Raises `LaunchError`, and changes nothing, if nobody could come in."""
        register = self.register
        before = register.name_keep, register.is_open, register.members
        register.name_keep, register.is_open, register.members = settings.name_keep, is_open(settings), files.members
        if self.is_read and not register.has_way_in():
            register.name_keep, register.is_open, register.members = before
            place = f"--data {settings.data}" if settings.data else ""
            raise LaunchError(_nobody(settings, place if self.shared is None else "--cluster URL"))
        if [*files.bans] != register.moderation.listed_bans:
            logger.info("the file of bans lists %d", len(files.bans))
        register.moderation.listed_bans = [*files.bans]
        if files.members != before[2]:
            logger.info("the members file lists %s", counted(len(files.members), "key"))
        register.members_invite = settings.members_invite
        _warn(settings.members, [(files.members.lines[one.key], _why_not(one)) for one in register.conflicts])
        self.password = files.password
        self.changed()

    def check_way_in(self, settings: ServerSettings) -> None:
        """Check that the register of a cluster, which has everything now, lets somebody in. Raises `LaunchError`.

        Call it after the first operator was invited.
        """
        self.is_read = True
        if not self.register.has_way_in():
            raise LaunchError(_nobody(settings, "--cluster URL"))

    def write_first(self, is_shown: bool) -> None:
        """At the first start, store the invitation of the operator if it `is_shown`. Raises `LaunchError`.

        Call it when nothing else can keep the server from starting: the code is shown once, and the next start is not
        the first one any more.
        """
        if self.data is None:
            return
        try:
            if self.first_code is not None and is_shown and self.shared is None and self.is_read:
                write_state(self.data.people, self.register.to_state())
            self.data.reach(Stage.OVER if is_shown or self.first_code is None else Stage.BEGUN)
        except OSError as error:
            raise LaunchError(f"cannot write {self.data.people}: {error.strerror}") from None

    def write_link(self, address: str, certificate: str) -> str:
        """Return the link to the server at `address`, without an invitation. A data folder keeps it.

        `certificate` is the path of the certificate, "" without TLS. Raises `LaunchError`.
        """
        host, port = parse_address(address)
        try:
            fingerprint = certificate_fingerprint(certificate) if certificate else None
            link = Link(host, port, fingerprint=fingerprint)
            if self.data is not None:
                write_link(self.data.link, link)
        except ValueError as error:
            raise LaunchError(str(error)) from None
        except OSError as error:
            raise LaunchError(f"cannot write {error.filename or 'the link'}: {error.strerror}") from None
        return show_link(link)

    def first_link(self, link: str) -> str:
        """Return a link with the invitation of the first operator. Nothing else may ever show that."""
        return show_link(dataclasses.replace(parse_link(link), invite=self.first_code))

    def answer(self, request: object, answer: Answer) -> None:
        """Do what the command line asks for, and answer when that is stored."""
        reply, change = administer(self.register, request)
        logger.info("the command line asks: %s", reply.get("error") or request)
        if change is None:
            answer(reply)
        else:
            self.store(change, lambda is_stored: answer(reply if is_stored else NOT_STORED))


def open_registry(settings: ServerSettings, is_shared: bool = False, locks: bool = True) -> Registry:
    """Open the data folder, if there is one, and everything in it. Raises `LaunchError`.

    The folder stays locked until the process ends; a worker, whose supervisor has locked it, does not lock it itself.
    The register of a cluster, which `is_shared`, is not read from it.
    """
    data = None
    try:
        data = _open_folder(settings.data, is_shared, locks) if settings.data else None
        if is_shared:
            _open_certificate(settings, data)
            registry = Registry(Register(), data, is_read=False)
        else:
            registry = _open_register(settings, data) if data is not None else Registry(Register())
        registry.apply(settings, read_people_files(settings))
    except BaseException as error:
        if data is not None:
            data.unlock()
        if isinstance(error, ValueError):
            raise LaunchError(str(error)) from None
        raise
    return registry


def _open_folder(path: str, is_shared: bool, locks: bool) -> DataDir:
    """Open the data folder. In a new one, the people file comes first: from then on, a missing one is a loss.

    In a cluster, which `is_shared`, there is no people file.
    """
    data = open_data_dir(path)
    traces = data.traces()
    if not locks:
        return data
    if not data.lock():
        raise LaunchError(f"another server uses the data folder {data.path}: stop it, or name another folder")
    if is_shared and os.path.lexists(data.people):
        words = f"pylingo-server cluster import --data {data.path} brings it into the cluster"
        logger.warning("the people file %s is not used in a cluster: %s", data.people, words)
    if is_shared or os.path.lexists(data.people):
        return data
    try:
        if traces:
            raise lost(data.people, traces[0])
        begin(data)
    except BaseException:
        data.unlock()
        raise
    return data


def begin(data: DataDir) -> None:
    """Write a people file in which nobody is. Raises `LaunchError`."""
    try:
        data.reach(Stage.NEW)
        write_state(data.people, Register().to_state())
        data.reach(Stage.BEGUN)
    except OSError as error:
        raise LaunchError(f"cannot write {data.people}: {error.strerror}") from None


def _open_register(settings: ServerSettings, data: DataDir) -> Registry:
    """Return the register of the folder. The first one has an invitation for an operator, which is not stored yet."""
    state = read_state(data.people)
    _open_certificate(settings, data)
    try:
        register = Register.from_state(state)
    except ValueError as error:
        raise damaged(data.people, error) from None
    if data.stage is Stage.OVER or state != Register().to_state():
        return Registry(register, data)
    issued, _ = register.invite(None, operator=True)
    return Registry(register, data, first_code=issued.code)


def _open_certificate(settings: ServerSettings, data: DataDir | None) -> None:
    """Check the link, and check or make the certificate, if they are those in the folder."""
    if data is None:
        return
    read_link(data.link)
    if settings.tls_cert == data.certificate:
        ensure_certificate(data.certificate, data.key, is_first=data.stage is not Stage.OVER)


def is_open(settings: ServerSettings) -> bool:
    """Whether people whose key is not listed may come in."""
    return settings.open or not settings.members


def read_people_files(settings: ServerSettings) -> PeopleFiles:
    """Read the members file, the password file and the file of bans. Raises `LaunchError`. Can block."""
    try:
        members = _read_members(settings) if settings.members else NOBODY
        password = read_password_file(settings.password_file) if settings.password_file else None
        bans = read_bans(settings.bans) if settings.bans else ()
    except ValueError as error:
        raise LaunchError(str(error)) from None
    _warn(settings.members, [(number, f"the line is skipped: {sentence}") for number, sentence in members.warnings])
    return PeopleFiles(members, password, bans)


def _warn(path: str, warnings: Sequence[tuple[int, str]]) -> None:
    """Log what is wrong in lines of a file."""
    for number, sentence in warnings[:_MOST_WARNINGS]:
        logger.warning("%s:%d: %s", path, number, sentence)
    if len(warnings) > _MOST_WARNINGS:
        more = counted(len(warnings) - _MOST_WARNINGS, "more line is", "more lines are")
        logger.warning("%s: %s like that", path, more)


def _why_not(conflict: Conflict) -> str:
    """Why a key does not get the name in its comment."""
    name, owner = conflict.name, conflict.owner
    is_same = fold(name) == fold(owner.name)
    whose = "belongs to" if is_same else f"looks like {quote(owner.name)}, which belongs to"
    sentence = f"the key is listed without the name {quote(name)}, which {whose} {', '.join(sorted(owner.keys))}"
    return f'{sentence}: write name="{name}" before the key to give it the name all the same'


def _read_members(settings: ServerSettings) -> Members:
    """Without a file in the data folder, the members are those who were invited."""
    in_data = settings.data and settings.members == DataDir(settings.data).members
    return NOBODY if in_data and not os.path.lexists(settings.members) else read_members(settings.members)


def _nobody(settings: ServerSettings, place: str) -> str:
    words = f"the members file {settings.members} lists nobody, so nobody could come in: add a key to it"
    return f"{words}, or run  pylingo-server invite --operator {place}" if place else words
