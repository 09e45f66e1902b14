"""Actors as they are declared: what is checked, by which names they are found, and which of their methods gets a message."""

import functools
import pickle
import sys
from dataclasses import dataclass
from typing import Any, Generic, Optional, TypeVar, Union

import attrs
import pytest

from actors import Actor, ActorRef, ActorSpec, Completed, Down, Group, Message, Ref, Restart, Supervisor, handler, one_for_all
from actors.controls import Standby
from actors.errors import ActorExists, InvalidOption, NotRunning, UnexpectedMessage, UnknownActor, UnknownOption
from actors.handlers import Handler, Handlers
from actors.nodes import Node

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Add(Message[int]):
    amount: int = 1


@attrs.frozen
class Find(Message[str | None]):
    key: str = ""


@attrs.frozen
class Get(Message[T], Generic[T]):
    kind: type[T]


class Twice(Add):
    """Derived from a dataclass, without being one."""


class Reset(Message[None]): ...


class Counter(Actor):
    def __init__(self, start: int = 0) -> None:
        self.total = start

    async def receive(self, message: Add | Reset) -> int: ...


def make_counter(start: int) -> Counter:
    return Counter(start)


class TestSpec:
    def test_the_name_is_that_of_what_makes_it(self):
        makers = [Counter, make_counter, functools.partial(make_counter, 1), functools.partial(functools.partial(Counter), 2)]
        args = [{}, {"start": 1}, {}, {}]
        specs = [ActorSpec(maker, args=given) for maker, given in zip(makers, args, strict=True)]
        assert [spec.name for spec in specs] == ["Counter", "make_counter", "make_counter", "Counter"]
        assert ActorSpec(Supervisor()).name == "supervisor"
        assert ActorSpec(lambda: Counter(1), "it").name == "it"

    def test_lengths_of_time_are_kept_as_seconds(self):
        spec = ActorSpec(Counter, start_timeout="1 minute", grace=0, cleanup="500 ms")
        assert (spec.start_timeout, spec.grace, spec.cleanup) == (60.0, 0.0, 0.5)
        assert Supervisor(window="1 minute").window == 60.0

    def test_it_is_restarted_when_it_failed_where_nobody_says_otherwise(self):
        assert ActorSpec(Counter).restart == Restart.transient()

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"name": "a/b"}, "actor 'a/b' cannot have name='a/b': a text without / is expected"),
            ({"name": 5}, "actor 5 cannot have name=5: a text without / is expected"),
            ({"restart": "permanent"}, "restart='permanent': Restart.permanent(), transient() or temporary() is expected"),
            ({"capacity": 0}, "actor 'Counter' cannot have capacity=0: a whole number from 1 on is expected"),
            ({"capacity": 1.5}, "capacity=1.5: a whole number from 1 on is expected"),
            ({"redeliver": -1}, "redeliver=-1: a whole number from 0 on is expected"),
            ({"redeliver": True}, "redeliver=True: a whole number from 0 on is expected"),
            ({"overflow": "drop"}, "overflow='drop': one of fail, block, drop_new, drop_old is expected"),
            ({"while_restarting": "wait"}, "while_restarting='wait': one of queue, reject is expected"),
            ({"start_timeout": "soon"}, "actor 'Counter' cannot have start_timeout='soon': 'soon' is not a length of time"),
            ({"grace": -1}, "grace=-1: '-1' is not a length of time: it must not be negative"),
            ({"cleanup": float("inf")}, "cleanup=inf: 'inf' is not a length of time: it is infinite"),
            ({"args": [1]}, "args=[1]: a mapping of arguments by name is expected"),
            ({"args": {"begin": 1}}, "args={'begin': 1}: got an unexpected keyword argument 'begin', as (start: int = 0)"),
        ],
        ids=str,
    )
    def test_an_impossible_value_is_refused_and_named(self, options, words):
        with pytest.raises(InvalidOption) as caught:
            ActorSpec(Counter, **options)
        assert words in str(caught.value)

    async def _make(self):
        return Counter()

    @pytest.mark.parametrize(
        ("factory", "words"),
        [
            ("Counter", "an actor cannot have factory='Counter': a class of actors is expected"),
            (Counter(), "a class of actors is expected"),
            (dict, "an actor cannot have factory=dict: a class that derives from Actor is expected"),
            (_make, "factory=_make: a plain function is expected; what must be awaited is for on_start"),
            (lambda: Counter(1), "an actor cannot have name='': it needs one, where it is made by a lambda, which has none"),
            (make_counter, "actor 'make_counter' cannot have args={}: missing a required argument: 'start'"),
        ],
        ids=["a name", "an actor", "another class", "an async function", "a lambda", "without an argument"],
    )
    def test_what_makes_no_actor_is_refused(self, factory, words):
        with pytest.raises(InvalidOption) as caught:
            ActorSpec(factory)
        assert words in str(caught.value)

    @pytest.mark.parametrize("name", ["on_start", "receive", "on_stop"])
    def test_a_method_that_is_not_async_is_refused(self, name):
        hasty = type("Hasty", (Actor,), {name: lambda self, *args: None})
        with pytest.raises(InvalidOption, match=rf"actor Hasty cannot have {name}=.*: an async method is expected"):
            ActorSpec(hasty)

    def test_what_an_actor_is_called_with_is_taken_as_it_is_where_nobody_can_know_it(self):
        assert ActorSpec(lambda **options: Counter(**{"start": 0, **options}), "it", {"start": 5}).args == {"start": 5}


class TestSupervisor:
    def test_its_children_are_kept_as_they_are_now(self):
        children = [ActorSpec(Counter)]
        supervisor = Supervisor(children, one_for_all)
        children.clear()
        assert [child.name for child in supervisor.children] == ["Counter"]

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"strategy": "one_for_all"}, "strategy='one_for_all': one_for_one, one_for_all or rest_for_one is expected"),
            ({"limit": -1}, "Supervisor cannot have limit=-1: a whole number from 0 on is expected"),
            ({"limit": None}, "Supervisor cannot have limit=None: a whole number from 0 on is expected"),
            ({"window": "soon"}, "Supervisor cannot have window='soon': 'soon' is not a length of time"),
            ({"auto_shutdown": "some"}, "auto_shutdown='some': one of never, any, all is expected"),
            ({"stop_order": "random"}, "stop_order='random': one of reverse, parallel is expected"),
            ({"children": [Counter]}, "ActorSpec(...) is expected for each"),
            ({"children": [ActorSpec(Counter), ActorSpec(Counter)]}, "children='Counter': two of them have this name"),
        ],
        ids=str,
    )
    def test_an_impossible_value_is_refused_and_named(self, options, words):
        with pytest.raises(InvalidOption) as caught:
            Supervisor(**options)
        assert words in str(caught.value)

    def test_it_takes_no_arguments(self):
        with pytest.raises(InvalidOption, match="a Supervisor takes none; its children do"):
            ActorSpec(Supervisor(), args={"limit": 3})


def handlers_of(**methods):
    """Return the handlers of a class with these methods."""
    return Handlers(type("It", (Actor,), methods))


class TestHandlers:
    def test_a_message_goes_to_what_takes_the_nearest_class_that_it_derives_from(self):
        class It(Actor):
            async def receive(self, message: Add) -> int: ...

            @handler()
            async def twice(self, message: Twice) -> int: ...

        class Thrice(Twice): ...

        handlers = Handlers(It)
        assert [handlers.of(kind).method for kind in (Add, Twice, Thrice)] == ["receive", "twice", "twice"]
        assert handlers.of(Reset) is None

    def test_what_is_refused_is_told_what_there_is(self):
        handlers = Handlers(Counter)
        assert handlers.known == ["Add", "Reset"]
        assert "takes no Ad. Did you mean 'Add'? It takes: Add, Reset" in str(UnexpectedMessage("it", "Ad", handlers.known))

    @pytest.mark.parametrize("annotation", [Add | Reset, Union[Add, Reset], "Add | Reset", Union["Add", "Reset"], Optional[Add]])  # noqa: UP007, UP045
    def test_a_union_is_each_of_its_classes_also_as_text(self, annotation):
        async def receive(self, message): ...

        receive.__annotations__["message"] = annotation
        assert handlers_of(receive=receive).classes[0] is Add

    def test_what_a_method_returns_need_not_be_known(self):
        async def receive(self, message: "Add") -> "Unknown": ...  # noqa: F821

        assert handlers_of(receive=receive).classes == [Add]

    def test_a_message_may_be_nested_in_the_class_of_the_actor(self):
        class It(Actor):
            class Ping(Message[str]): ...

            async def receive(self, message: "Ping") -> str: ...

        class Derived(It): ...

        assert Handlers(Derived).classes == [It.Ping]

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="the statement came with 3.12")
    def test_an_alias_is_what_it_stands_for(self):
        scope = {"Add": Add, "Reset": Reset, "Message": Message}
        exec("type Known = Add | Reset\ntype Found = int | None\nclass Look(Message[Found]): ...", scope)

        async def receive(self, message): ...

        receive.__annotations__["message"] = scope["Known"] | scope["Look"]
        handlers = handlers_of(receive=receive)
        assert handlers.classes == [Add, Reset, scope["Look"]]
        assert not handlers.of(scope["Look"]).wants_answer

    @pytest.mark.parametrize("annotation", [None, Any, object, Message, Message[Any], T, "Any", "Unheard", "Add | Unheard"])
    def test_receive_takes_whatever_comes_where_it_does_not_say(self, annotation):
        async def receive(self, message): ...

        receive.__annotations__ = {} if annotation is None else {"message": annotation}
        handlers = handlers_of(receive=receive)
        assert handlers.known == []
        assert handlers.of(Reset) == Handler("receive")
        assert handlers.of(int) == Handler("receive")

    def test_classes_that_are_local_to_a_function_are_taken_as_they_are(self):
        class Local(Message[int]): ...

        async def receive(self, message: Local) -> int: ...

        assert handlers_of(receive=receive).classes == [Local]

    @pytest.mark.parametrize("annotation", [None, Any, Message, "Unheard"])
    def test_other_methods_must_say_what_they_take(self, annotation):
        async def find(self, message): ...

        find.__annotations__ = {} if annotation is None else {"message": annotation}
        with pytest.raises(InvalidOption, match=r"actor It cannot have find=.*: the message is expected to have an annotation"):
            handlers_of(find=handler()(find))

    def test_an_actor_without_any_takes_none(self):
        assert Handlers(Actor).of(Add) is None

    def test_a_decorated_method_comes_before_receive(self):
        class It(Actor):
            @handler(on_deadline="finish")
            async def add(self, message: Add) -> int: ...

            async def receive(self, message: Add | Reset) -> None: ...

        handlers = Handlers(It)
        assert [handlers.of(kind).method for kind in (Add, Reset)] == ["add", "receive"]
        assert handlers.of(Add).on_deadline == "finish"

    def test_receive_may_declare_too(self):
        class It(Actor):
            @handler(raises=(KeyError,), on_caller_gone="restart")
            async def receive(self, message: Reset) -> None: ...

        assert Handlers(It).of(Reset) == Handler("receive", "restart", "cancel", (KeyError,))

    def test_two_methods_do_not_take_the_same(self):
        class It(Actor):
            @handler()
            async def one(self, message: Add) -> int: ...

            @handler()
            async def two(self, message: Reset | Add) -> int: ...

        with pytest.raises(InvalidOption) as caught:
            Handlers(It)
        assert str(caught.value) == "actor It cannot have two=Add: one method for each class is expected, and one takes it too"

    def test_a_method_that_overrides_a_handler_is_one_as_it_declares_itself(self):
        class Base(Actor):
            @handler(on_deadline="finish")
            async def add(self, message: Add) -> int: ...

        class Same(Base):
            async def add(self, message: Twice) -> int: ...

        class Other(Base):
            @handler(on_deadline="restart")
            async def add(self, message: Add) -> int: ...

        assert (Handlers(Same).classes, Handlers(Same).of(Twice).on_deadline) == ([Twice], "finish")
        assert Handlers(Other).of(Add).on_deadline == "restart"

    def test_a_method_that_is_not_async_is_refused(self):
        @handler()
        def find(self, message: Find): ...

        with pytest.raises(InvalidOption, match=r"actor It cannot have find=.*: an async method is expected"):
            handlers_of(find=find)

    def test_a_method_that_takes_more_than_a_message_is_refused(self):
        async def receive(self, message: Add, sender): ...

        with pytest.raises(InvalidOption, match=r"actor It cannot have receive=.*: self and one message are expected"):
            handlers_of(receive=receive)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"on_deadline": "stop"}, "handler cannot have on_deadline='stop': one of finish, cancel, restart is expected"),
            ({"on_caller_gone": None}, "handler cannot have on_caller_gone=None: one of finish, cancel, restart is expected"),
            ({"raises": KeyError}, "a tuple of classes of exceptions is expected"),
            ({"raises": (KeyError, 1)}, "a tuple of classes of exceptions is expected"),
            ({"raises": (KeyboardInterrupt,)}, "a tuple of classes of exceptions is expected"),
        ],
        ids=str,
    )
    def test_an_impossible_value_is_refused_and_named(self, options, words):
        with pytest.raises(InvalidOption) as caught:
            handler(**options)
        assert words in str(caught.value)

    def test_it_wants_its_parentheses(self):
        with pytest.raises(TypeError, match=r"write @handler\(\) with parentheses"):
            handler(len)


class Bare(Message): ...


class Anything(Message[Any]): ...


class Maybe(Message[int | None]): ...


class MaybeToo(Message[Optional[int]]): ...  # noqa: UP045


class AsText(Message["Row | None"]): ...


class Many(Message[list[int]]): ...


class GetInt(Get[int]): ...


class GetMaybe(Get[int | None]): ...


class Nested(Get[list[T]], Generic[T]): ...


class NestedInt(Nested[int]): ...


class Mixed(dict, Message[int]): ...


@pytest.mark.parametrize("kind", [Add, Twice, Many, GetInt, NestedInt, Mixed])
def test_these_messages_promise_an_answer(kind):
    assert Handlers(type("It", (Actor,), {"receive": anything})).of(kind).wants_answer


@pytest.mark.parametrize(
    "kind",
    [Message, Bare, Reset, Anything, Maybe, MaybeToo, Find, AsText, Get, GetMaybe, Down, int],
    ids=lambda kind: kind.__name__,
)
def test_these_do_not_or_nobody_can_know(kind):
    assert not Handlers(type("It", (Actor,), {"receive": anything})).of(kind).wants_answer


async def anything(self, message): ...


class TestApp:
    def test_an_actor_is_declared_by_a_call_which_returns_what_it_was_given(self, app):
        assert app.actor(Counter, "one", {"start": 5}, capacity=10) is Counter
        supervisor = Supervisor([ActorSpec(Counter)])
        assert app.actor(supervisor, name="two") is supervisor
        assert [spec.name for spec in app.session.actors] == ["one", "two"]
        assert app.session.actors[0] == ActorSpec(Counter, "one", {"start": 5}, capacity=10)

    def test_or_by_a_decorator(self, app):
        @app.actor
        class One(Actor): ...

        @app.actor(name="two", grace="1 second")
        class Two(Actor): ...

        @app.actor()
        def three() -> Counter:
            return Counter()

        assert [(spec.factory, spec.name) for spec in app.session.actors] == [(One, "One"), (Two, "two"), (three, "three")]
        assert app.session.actors[1].grace == 1.0

    def test_a_name_is_taken_once(self, app):
        app.actor(Counter)
        with pytest.raises(ActorExists) as caught:
            app.actor(Counter)
        assert str(caught.value) == "there is an actor 'Counter' already; it is declared. Choose another name"

    def test_tasks_have_names_of_their_own(self, app):
        app.actor(Counter, "it")
        app.task(func=make_counter, name="it")

    def test_a_misspelled_option_is_told_with_the_nearest(self, app):
        with pytest.raises(UnknownOption, match=r"an actor has no option 'capasity'\. Did you mean 'capacity'"):
            app.actor(Counter, capasity=10)

    def test_what_is_declared_is_a_tree_before_anything_runs(self, app):
        inner = Supervisor([ActorSpec(Counter, "a"), ActorSpec(Counter, "b")])
        app.actor(Counter, "first")
        app.actor(Supervisor([ActorSpec(inner, "inner"), ActorSpec(Counter, "c")]), "pool")
        app.task(func=make_counter, name="job")
        tree = app.session.tree()
        assert [(node.name, node.kind) for node in tree.walk()] == [
            ("app", "app"),
            ("first", "actor"),
            ("pool", "supervisor"),
            ("pool/inner", "supervisor"),
            ("pool/inner/a", "actor"),
            ("pool/inner/b", "actor"),
            ("pool/c", "actor"),
            ("job", "task"),
        ]
        assert {node.state for node in tree.walk()} == {"declared"}
        assert (tree["pool/c"].name, tree["pool/c"].restarts) == ("pool/c", 0)
        with pytest.raises(KeyError, match="c"):
            tree["c"]

    def test_how_often_it_was_started_again_is_told_by_its_lives(self):
        assert Node(name="a", kind="actor", state="running", incarnation=3).restarts == 2

    async def test_nobody_is_found_or_started_while_the_app_does_not_run(self, app):
        app.actor(Counter)
        with pytest.raises(NotRunning, match="actor 'Counter' needs a running app"):
            app.session.actor("Counter")
        with pytest.raises(NotRunning, match="spawning actor 'Counter' needs a running app"):
            await app.session.spawn(Counter)
        assert app.session.dead_letters == ()

    async def test_what_cannot_be_started_is_told_before_that(self, app):
        with pytest.raises(UnknownOption, match="Did you mean 'cleanup'"):
            await app.session.spawn(Counter, clean_up=5)

    def test_a_name_that_nobody_has_is_told_with_the_nearest(self):
        error = UnknownActor("pool/worker-3", ["db", "pool/worker-1"])
        assert str(error) == "there is no actor 'pool/worker-3'. Did you mean 'pool/worker-1'? Actors are: db, pool/worker-1"


class Found(Standby):
    """Controls to which any actor is known, and told by its name."""

    def actor(self, name):
        return name


def found(app, task, name):
    """Return which actor a task finds by that name."""
    app.session.controls = Found()
    return Ref(name).get_value(app.session[task], app.session)


class TestGroups:
    def test_their_actors_get_the_prefix(self, app):
        group = Group("etl.")

        @group.actor
        class Cache(Actor): ...

        group.actor(Counter, capacity=5)
        app.include(group)
        assert [(spec.name, spec.capacity) for spec in app.session.actors] == [("etl.Cache", 1000), ("etl.Counter", 5)]

    def test_groups_in_groups_get_all_of_them(self, app):
        outer, inner = Group("outer."), Group("inner.")
        outer.include(inner)
        outer.actor(Counter, "a")
        inner.actor(Supervisor([ActorSpec(Counter, "c")]), "b")
        app.include(outer)
        assert [node.name for node in app.session.tree().children] == ["outer.a", "outer.inner.b"]
        assert app.session.tree()["outer.inner.b/c"].kind == "actor"

    def test_a_name_that_the_app_has_is_taken(self, app):
        group = Group()
        group.actor(Counter)
        app.actor(Counter)
        with pytest.raises(ActorExists, match="there is an actor 'Counter' already"):
            app.include(group)

    def test_a_task_finds_the_actors_of_its_group_then_those_around_it_then_those_of_the_app(self, app):
        outer, inner = Group("outer."), Group("inner.")
        outer.include(inner)
        inner.task(func=make_counter, name="task")
        app.task(func=make_counter, name="task")
        inner.actor(Counter, "near")
        for declaring in (outer, app):
            declaring.actor(Counter, "near")
            declaring.actor(Counter, "far")
        app.actor(Counter, "farthest")
        app.include(outer)
        names = ["near", "far", "farthest", "inner.near", "unheard"]
        assert [found(app, "outer.inner.task", name) for name in names] == [
            "outer.inner.near",
            "outer.far",
            "farthest",
            "outer.inner.near",
            "unheard",
        ]
        assert [found(app, "task", name) for name in names] == names

    def test_a_child_of_an_actor_of_the_group_is_found_by_its_path_there(self, app):
        group = Group("etl.")
        group.task(func=make_counter, name="task")
        group.actor(Supervisor([ActorSpec(Counter, "worker")]), "pool")
        app.include(group)
        assert found(app, "etl.task", "pool/worker") == "etl.pool/worker"

    def test_outside_of_a_task_a_name_is_a_full_one(self, app):
        app.session.controls = Found()
        assert Ref("a/b").get_value(None, app.session) == "a/b"


def test_a_reference_is_told_by_its_name():
    concrete = type("Concrete", (ActorRef,), dict.fromkeys(ActorRef.__abstractmethods__))
    ref = concrete()
    ref.name = "pool/worker-1"
    assert repr(ref) == "<actor 'pool/worker-1'>"
    assert repr(Ref("pool/worker-1")) == "Ref('pool/worker-1')"


@pytest.mark.parametrize("message", [Add(5), Find("a"), GetInt(int), Down("ref", 3, Completed(1))], ids=repr)
def test_messages_are_values_that_survive_pickle(message):
    copy = pickle.loads(pickle.dumps(message))
    assert (type(copy), copy) == (type(message), message)
