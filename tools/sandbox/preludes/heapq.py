"""`heapq`: the same lists in the same order as the original makes them."""

from typing import Any


def _down(heap: list[Any], start: int, place: int) -> None:
    new = heap[place]
    while place > start:
        parent = (place - 1) >> 1
        if not new < heap[parent]:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = new


def _up(heap: list[Any], place: int) -> None:
    end, start, new = len(heap), place, heap[place]
    child = 2 * place + 1
    while child < end:
        right = child + 1
        if right < end and not heap[child] < heap[right]:
            child = right
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    heap[place] = new
    _down(heap, start, place)


def heappush(heap: list[Any], item: Any) -> None:
    heap.append(item)
    _down(heap, 0, len(heap) - 1)


def heappop(heap: list[Any]) -> Any:
    last = heap.pop()
    if not heap:
        return last
    first, heap[0] = heap[0], last
    _up(heap, 0)
    return first


def heapreplace(heap: list[Any], item: Any) -> Any:
    first, heap[0] = heap[0], item
    _up(heap, 0)
    return first


def heappushpop(heap: list[Any], item: Any) -> Any:
    if heap and heap[0] < item:
        item, heap[0] = heap[0], item
        _up(heap, 0)
    return item


def heapify(heap: list[Any]) -> None:
    for place in range(len(heap) // 2 - 1, -1, -1):
        _up(heap, place)


def nlargest(n: int, iterable: Any, key: Any = None) -> list[Any]:
    return sorted(iterable, key=key, reverse=True)[: max(n, 0)]


def nsmallest(n: int, iterable: Any, key: Any = None) -> list[Any]:
    return sorted(iterable, key=key)[: max(n, 0)]


def merge(*iterables: Any, key: Any = None, reverse: bool = False) -> list[Any]:
    return sorted([item for iterable in iterables for item in iterable], key=key, reverse=reverse)
