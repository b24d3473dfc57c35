"""The one place that chooses the engine: where services' rows live, and how a change becomes visible everywhere."""

from bookstore_project.replication.interface import Copies, Engine
from bookstore_project.replication.sqlite_pair import copies as copies_of_files
from bookstore_project.replication.sqlite_pair import engine as sqlite_pair

engine: Engine = sqlite_pair
copies: Copies = copies_of_files
