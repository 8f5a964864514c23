"""Container images from ordinary Dockerfiles, on machines with Docker and on machines without it.

With a Docker engine that answers, `docker build` makes them from the public base images that the Dockerfiles name.
Without one, buildah makes them, on base images of our own (see `bases`): no daemon, no registry.
"""

from devcluster.images.build import BuiltImage, build_image

__all__ = ["BuiltImage", "build_image"]
